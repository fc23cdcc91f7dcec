/** An upstream that says it did more than was held for: the hold is charged, and what is missing is in the log. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { wavHeader } from '../../src/demo/wav.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { openShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

/** Ten seconds of silence: at the lowest bitrate that the route accepts, its bytes could last 161. */
function speech(): FormData {
  const form = new FormData()
  const parts = [wavHeader(80_000, 8_000), new Uint8Array(160_000)]
  form.set('file', new Blob(parts, { type: 'audio/wav' }), 'speech.wav')
  return form
}

const transcribe = () => shop.fetch('/v1/stt/transcribe', { method: 'POST', body: speech() })

test('seconds beyond the hold are a shortfall: in the event, the charge and the explanation', async () => {
  shop.upstream.respond(() => Response.json({ text: '', duration_seconds: 601 }))
  const response = await transcribe()
  expect(response.headers.get('x-credits-charged')).toBe('30')
  const requestId = response.headers.get('x-request-id')
  const settled = (await shop.outcomeOf(requestId, 'HoldSettled')).at(-1)
  expect(settled).toMatchObject({ credits: 30, quantity: 161, payload: { shortfall: 80 } })
  const charge = await shop.fetch(`/v1/charges/${requestId}`)
  expect(await charge.json()).toMatchObject({ credits: 30, shortfall: 80 })
  const explained = await explainCall(shop.ledger.sql, requestId ?? '')
  expect(explained?.charge).toMatchObject({ credits: 30, shortfall: 80 })
  expect(explained?.disagreements).toEqual([])
})

test('seconds beyond what the route charges at most are no shortfall', async () => {
  shop.upstream.respond(() => Response.json({ text: '', duration_seconds: 1e9 }))
  const response = await transcribe()
  const settled = (await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldSettled')).at(-1)
  // 240 started minutes are the most that the route charges.
  expect(settled).toMatchObject({ credits: 30, payload: { shortfall: 2_400 - 30 } })
})

test('so are items beyond those asked for', async () => {
  const results = Array(5).fill({ url: 'http://a.test', success: true })
  shop.upstream.respond(() => Response.json({ results }))
  const response = await shop.post('/v1/extract/bulk', { urls: ['http://a.test', 'http://b.test'] })
  expect(response.headers.get('x-credits-charged')).toBe('2')
  const settled = (await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldSettled')).at(-1)
  expect(settled).toMatchObject({ credits: 2, quantity: 2, payload: { shortfall: 3 } })
})

test('on a lease, too', async () => {
  const key = await shop.newKey('enterprise')
  const results = Array(3).fill({ url: 'http://a.test', success: true })
  shop.upstream.respond(() => Response.json({ results }))
  const bulk = () => shop.post('/v1/extract/bulk', { urls: ['http://a.test'] }, { key: key.text })
  const onLease = () => shop.ledger.sql<{ payload: object }[]>`
    select payload from events
    where key_id = ${key.keyId} and type = 'HoldSettled' and payload ->> 'lease' is not null`
  let settled = await onLease()
  while (settled.length === 0) {
    const statuses = (await Promise.all(Array.from({ length: 30 }, bulk))).map((one) => one.status)
    expect(new Set(statuses)).toEqual(new Set([200]))
    settled = await onLease()
  }
  for (const { payload } of settled) expect(payload).toMatchObject({ shortfall: 2 })
})
