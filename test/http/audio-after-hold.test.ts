/**
 * Reading an audio file takes a thread's time, so its bytes are held for first: whoever cannot pay for them has nothing read. What is
 * found then can extend the hold, or refuse the call.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { openMeaningCheck } from '../../src/projector/verify/meaning/meaning-check.ts'
import { explainCall } from '../../src/reports/explain/explain-call.ts'
import { flacFile, wavFile } from '../support/audio-files.ts'
import { openShop, type Shop, type ShopRequest } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop()
})
afterAll(() => shop.close())

/** Nothing in it, nor its label, says that it is audio. */
const noise = new Uint8Array(4_000).map((_, index) => (index * 7_919) % 251)

async function transcribe(
  file: Uint8Array<ArrayBuffer>,
  init: ShopRequest & { type?: string } = {},
) {
  shop.upstream.respond(() => Response.json({ text: '' }))
  const { type = 'application/octet-stream', ...request } = init
  const body = new FormData()
  body.set('file', new Blob([file], { type }), 'audio')
  const response = await shop.fetch('/v1/stt/transcribe', { method: 'POST', body, ...request })
  const { code } = (await response.json()) as { code?: string }
  const events = await shop.eventsOf(response.headers.get('x-request-id'))
  const { status, headers } = response
  return { status, code, headers, events, types: events.map((event) => event.type) }
}

async function keyWith(credits: number) {
  const key = await shop.newKey('pro')
  const spent = 5_000 - credits
  const { hold } = await shop.ledger.hold(key, spent)
  await shop.ledger.settle(hold, spent)
  return key
}

test('a key whose cap is used up has nothing of its file read', async () => {
  const capped = await shop.ledger.key(shop.account, { monthlyCap: 0 })
  const { status, code } = await transcribe(noise, { key: capped.text })
  expect([status, code]).toEqual([402, 'key_cap_reached'])
})

test('what turns out to be no audio is refused, and its hold released', async () => {
  const { status, code, headers, events, types } = await transcribe(noise)
  expect([status, code]).toEqual([415, 'unsupported_media_type'])
  expect(types).toEqual(['CreditsHeld', 'HoldReleased'])
  expect(events[1]?.payload).toEqual({ reason: 'request_refused' })
  expect(headers.get('x-credits-charged')).toBe('0')
  expect(shop.upstream.executed).toHaveLength(0)
})

test('a call that was refused so runs under the same Idempotency-Key again', async () => {
  const headers = { 'idempotency-key': crypto.randomUUID() }
  for (const _ of [1, 2]) {
    const { status, types } = await transcribe(noise, { headers })
    expect([status, types]).toEqual([415, ['CreditsHeld', 'HoldReleased']])
  }
})

test('a file that lasts longer than its bytes at the lowest bitrate extends its hold', async () => {
  const { status, headers, events, types } = await transcribe(flacFile({ seconds: 150 }))
  expect(status).toBe(200)
  expect(types).toEqual(['CreditsHeld', 'HoldExtended', 'HoldSettled'])
  const [held, extended, settled] = events
  expect((held?.quantity ?? 0) + (extended?.quantity ?? 0)).toBe(150)
  expect((held?.credits ?? 0) + (extended?.credits ?? 0)).toBe(30)
  expect(settled).toMatchObject({ credits: 30, quantity: 150, payload: {} })
  const explained = await explainCall(shop.ledger.sql, headers.get('x-request-id') ?? '')
  expect(explained?.disagreements).toEqual([])
})

test('with too few credits for what is found it is refused, and costs nothing', async () => {
  const key = await keyWith(20)
  const { status, code, types } = await transcribe(flacFile({ seconds: 150 }), { key: key.text })
  expect([status, code]).toEqual([402, 'insufficient_credits'])
  expect(types).toEqual(['CreditsHeld', 'HoldReleased'])
  const short = await transcribe(wavFile({ seconds: 7 }), { key: key.text })
  expect([short.status, short.headers.get('x-credits-charged')]).toEqual([200, '10'])
})

test('the log stands up to verification', async () => {
  const check = await openMeaningCheck({
    url: shop.ledger.url,
    shard: 0,
    maxDescribed: 9,
  })
  try {
    expect((await check.advance()).faults).toEqual([])
  } finally {
    await check.close()
  }
})
