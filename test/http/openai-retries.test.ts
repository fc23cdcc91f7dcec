/** The official client of the OpenAI API sends again by itself what timed out. A key for both makes one charge of them. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import OpenAI, { type ClientOptions } from 'openai'
import { chatConfig } from '../support/chat.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop({ config: chatConfig() })
})
afterAll(() => shop.close())

const chat = { model: 'm', messages: [{ role: 'user' as const, content: 'x' }] }
const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
const said = { choices: [{ index: 0, message: { content: 'hi' }, finish_reason: 'stop' }], usage }

/** As docs/ROUTES.md tells customers. */
class Customer extends OpenAI {
  protected override idempotencyHeader = 'Idempotency-Key'
}

/** What a client that waits for two seconds gets of an upstream whose first call takes longer, and pays for it. */
async function retried(
  Client: typeof OpenAI,
  request?: OpenAI.RequestOptions,
): Promise<{ statuses: readonly number[]; executed: number; charges: number }> {
  const key = await shop.newKey('pro', { monthlyCap: 1_000 })
  const statuses: number[] = []
  const options: ClientOptions = {
    ...{ apiKey: key.text, baseURL: `${shop.gateway.url}/v1`, timeout: 2_000, maxRetries: 3 },
    async fetch(url, init) {
      const response = await fetch(url, init)
      statuses.push(response.status)
      return response
    },
  }
  // The first call ends when the client has a response to its retry, or the retry is here, too.
  shop.upstream.respond(async () => {
    if (shop.upstream.executed.length === 1) {
      await until(async () => statuses.length > 0 || shop.upstream.executed.length > 1)
    }
    return Response.json(said)
  })
  const { usage: used } = await new Client(options).chat.completions.create(chat, request)
  expect(used).toEqual(usage)
  const open = () => shop.ledger.sql`select from open_holds where key_id = ${key.keyId}`
  await until(async () => (await open()).length === 0)
  const charges = await shop.ledger.sql`
    select from events where key_id = ${key.keyId} and type = 'HoldSettled' and credits > 0`
  return { statuses, executed: shop.upstream.executed.length, charges: charges.length }
}

const once = { statuses: [409, 200], executed: 1, charges: 1 }

test('with the header that it is told to name calls by, a timeout and its retry are one charge', async () => {
  expect(await retried(Customer)).toEqual(once)
})

test('with a key in the headers of the request, too', async () => {
  const headers = { 'Idempotency-Key': crypto.randomUUID() }
  expect(await retried(OpenAI, { headers })).toEqual(once)
})

test('without a key, or with an idempotencyKey that it does not send, both calls run and are charged', async () => {
  const twice = { statuses: [200], executed: 2, charges: 2 }
  expect(await retried(OpenAI)).toEqual(twice)
  expect(await retried(OpenAI, { idempotencyKey: crypto.randomUUID() })).toEqual(twice)
})
