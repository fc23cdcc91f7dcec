/** A call takes its permit before its body is read, so a key at its rate limit costs no more than a header. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type RawCall, rawCall } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import type { TestKey } from '../support/test-ledger.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop({ config: { plans: { pro: { rateLimit: 1, windowMs: 600_000 } } } })
})
afterAll(() => shop.close())

const bytes = 900_000

/** A key whose one permit is used. */
async function keyAtItsLimit(): Promise<TestKey> {
  const key = await shop.newKey()
  expect((await shop.fetch('/v1/tts/languages', { key: key.text })).status).toBe(200)
  return key
}

function begin({ text }: TestKey, headers: string): RawCall {
  const head = `POST /v1/search HTTP/1.1\r\nHost: g\r\nX-API-Key: ${text}\r\n`
  return rawCall(shop.gateway.url, `${head}Content-Type: application/json\r\n${headers}\r\n\r\n`)
}

/** Sends the rest of a request, and another one, and sees the response to that. */
async function expectUsable(call: RawCall, rest: string): Promise<void> {
  call.socket.write(rest)
  call.socket.write('GET /health HTTP/1.1\r\nHost: g\r\n\r\n')
  await call.responses(2)
  expect(call.received.toString()).toContain('HTTP/1.1 200 OK')
  call.socket.destroy()
}

test('a key at its rate limit is refused before any of its body has arrived', async () => {
  const call = begin(await keyAtItsLimit(), `Content-Length: ${bytes}`)
  await call.ended()
  expect(call.status).toBe(429)
  expect(JSON.parse(call.body.toString())).toMatchObject({ code: 'rate_limited' })
  await expectUsable(call, 'x'.repeat(bytes))
})

test('and so is one whose body has no length', async () => {
  const call = begin(await keyAtItsLimit(), 'Transfer-Encoding: chunked')
  await call.ended()
  expect(call.status).toBe(429)
  await expectUsable(call, `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n0\r\n\r\n`)
})

test('and so is one that waits to be asked for its body', async () => {
  const call = begin(await keyAtItsLimit(), `Content-Length: ${bytes}\r\nExpect: 100-continue`)
  await call.responses(1)
  expect(call.received.toString()).toContain('HTTP/1.1 429 ')
  await expectUsable(call, 'x'.repeat(bytes))
})

test('a body of more values than a gateway reads is refused by name', async () => {
  const key = await shop.newKey()
  const json = Object.fromEntries(Array.from({ length: 55_000 }, (_, n) => [`field${n}`, 'tex']))
  const response = await shop.post('/v1/search', json, { key: key.text })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    code: 'invalid_request',
    errors: [{ pointer: '', detail: 'more than 20000 JSON values (maxJsonValues)' }],
  })
})
