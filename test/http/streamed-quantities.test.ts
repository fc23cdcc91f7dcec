/** Quantities that the events of a stream say: rows, pages and the like, of which a price per token knows nothing. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { event, flow } from '../support/chat.ts'
import { rawCall, rawPost } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

let shop: Shop

const route = (name: string, more: object) => ({
  ...{ method: 'POST', path: `/v1/${name}`, summary: 'x', service: 'search' },
  ...{ upstreamPath: `/${name}`, request: { json: 'any' }, ...more },
})
const rows = (settle: object, hold: object = { most: 100 }) => ({
  ...{ per: 'quantity', of: 'row', unit: 1, credits: 2, hold, settle },
})

beforeAll(async () => {
  const product = { product: ['/n'] }
  const n = { type: 'integer', minimum: 0, maximum: 50 }
  shop = await openShop({
    config: {
      routes: {
        named: route('named', { price: rows({ number: '/rows', event: 'done' }) }),
        running: route('running', { price: rows({ number: '/usage/rows' }) }),
        free: route('free', { price: rows({ number: '/rows', otherwise: 'nothing' }) }),
        stopped: route('stopped', {
          price: rows({ number: '/rows', event: { pointer: '/type', equals: 'end' } }),
          chargeWhen: { event: 'stop' },
        }),
        asked: route('asked', {
          request: { json: { type: 'object', required: ['n'], properties: { n } } },
          price: [
            { name: 'base', per: 'request', credits: 10 },
            { name: 'rows', ...rows({ number: '/rows' }, product) },
          ],
        }),
        mixed: route('mixed', {
          request: { json: 'any' },
          price: [
            {
              ...{ name: 'text', per: 'token', unit: 1, credits: 1 },
              hold: { bytesPerToken: 1_000, limit: [], most: 50, step: 10 },
              settle: { usage: '/tokens', each: ['/text'] },
            },
            { name: 'rows', ...rows({ number: '/rows', event: 'done' }) },
          ],
        }),
      },
    },
  })
})
afterAll(() => shop.close())

const named = (name: string, data: unknown) => `event: ${name}\n${event(data)}`

function begin(name: string, body: object = {}) {
  const service = flow(shop.upstream)
  const call = rawCall(shop.gateway.url, rawPost(`/v1/${name}`, shop.key.text, body))
  return { service, call }
}

type Begun = ReturnType<typeof begin>

const settled = async ({ call }: Begun) =>
  (await shop.outcomeOf(call.header('x-request-id'), 'HoldSettled')).at(-1)
const released = async ({ call }: Begun) =>
  (await shop.outcomeOf(call.header('x-request-id'), 'HoldReleased')).at(-1)

async function whole(begun: Begun, text: string) {
  await begun.service.send(text)
  await begun.service.end()
  await begun.call.ended()
  expect(begun.call.whole).toBe(true)
  expect(begun.call.body.toString()).toBe(text)
}

test('an event of the name says it, and all others go out as they come', async () => {
  const begun = begin('named')
  await begun.service.send(event({ rows: 99 }))
  await until(() => begun.call.body.toString().includes('99'))
  const last = named('done', { rows: 7 })
  await begun.service.send(last)
  await begun.service.end()
  await begun.call.ended()
  expect(begun.call.body.toString()).toBe(event({ rows: 99 }) + last)
  expect(await settled(begun)).toMatchObject({ credits: 14, quantity: 7 })
  expect(begun.call.header('x-credits-charged')).toBeUndefined()
})

test('without a name the last event that has the number says it', async () => {
  const begun = begin('running')
  const progress = [3, 8].map((count) => event({ usage: { rows: count } })).join('')
  await whole(begun, `${progress}${event({ text: 'x' })}${event('[DONE]')}`)
  expect(await settled(begun)).toMatchObject({ credits: 16, quantity: 8 })
})

test('a JSON response of the same route is read as before', async () => {
  shop.upstream.respond(() => Response.json({ rows: 5 }))
  const response = await shop.post('/v1/named', {})
  expect(response.headers.get('x-credits-charged')).toBe('10')
})

test('where no event says it, what was held is charged, or what the price says instead', async () => {
  const begun = begin('named')
  await whole(begun, event({ rows: 5 }))
  expect(await settled(begun)).toMatchObject({ credits: 200, quantity: 100 })
  const free = begin('free')
  await whole(free, event({ text: 'x' }))
  expect(await settled(free)).toMatchObject({ credits: 0, quantity: 0 })
})

test('a client that leaves before it is said pays what was held, also where the price would charge nothing', async () => {
  for (const [name, text, credits] of [
    ['free', event({ text: 'x' }), 200],
    ['running', event({ usage: { rows: 4 } }) + event({ text: 'x' }), 8],
  ] as const) {
    const begun = begin(name)
    await begun.service.send(text)
    await until(() => begun.call.body.toString().includes('"x"'))
    begun.call.socket.destroy()
    const event = await settled(begun)
    expect(event).toMatchObject({ credits, payload: { terminatedBy: 'client' } })
  }
})

test('an upstream that breaks off before it is said is not paid for, and is after it', async () => {
  const early = begin('named')
  await early.service.send(event({ text: 'x' }))
  await early.call.begun()
  await early.service.breakOff()
  await early.call.ended()
  expect(early.call.body.toString()).toContain('You were not charged.')
  expect(await released(early)).toMatchObject({ payload: { reason: 'upstream_broke_off' } })

  const late = begin('running')
  await late.service.send(event({ usage: { rows: 4 } }) + event({ text: 'x' }))
  await until(() => late.call.body.toString().includes('"x"'))
  await late.service.breakOff()
  await late.call.ended()
  expect(await settled(late)).toMatchObject({ credits: 8, payload: { terminatedBy: 'upstream' } })
})

test('a stream that brings nothing, or an error alone, is not charged', async () => {
  const empty = begin('named')
  await whole(empty, event('[DONE]'))
  expect(await released(empty)).toMatchObject({ payload: { reason: 'not_successful' } })
  const failed = begin('named')
  await whole(failed, named('error', { message: 'no' }))
  expect(await released(failed)).toMatchObject({ payload: { reason: 'not_successful' } })
})

test('a route’s chargeWhen waits for its event, too', async () => {
  const without = begin('stopped')
  await whole(without, event({ type: 'end', rows: 3 }))
  expect(await released(without)).toMatchObject({ payload: { reason: 'not_successful' } })
  const begun = begin('stopped')
  await whole(begun, event({ type: 'end', rows: 3 }) + named('stop', {}))
  expect(await settled(begun)).toMatchObject({ credits: 6, quantity: 3 })
})

test('in a list it is a part, and what is said beyond what is held is a shortfall', async () => {
  const begun = begin('asked', { n: 5 })
  await whole(begun, event({ rows: 4 }))
  expect(await settled(begun)).toMatchObject({
    ...{ credits: 18, payload: { parts: { base: 1, rows: 4 } } },
  })
  const more = begin('asked', { n: 5 })
  await whole(more, event({ rows: 6 }))
  expect(await settled(more)).toMatchObject({
    ...{ credits: 20, payload: { parts: { base: 1, rows: 5 }, shortfall: 2 } },
  })
})

test('beside tokens that are metered, an event says it at their end', async () => {
  const begun = begin('mixed')
  await whole(
    begun,
    event({ text: 'a' }) + event({ text: 'b' }) + named('done', { rows: 3, tokens: 9 }),
  )
  expect(await settled(begun)).toMatchObject({
    ...{ credits: 15, payload: { parts: { text: 9, rows: 3 } } },
  })
})

test('nothing is left held', async () => {
  await until(
    async () => (await shop.ledger.sql`select from open_holds where endpoint <> ''`).length === 0,
  )
})
