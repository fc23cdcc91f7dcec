/** Every shipped route, end to end against the demo upstreams: the response, its price, and the log. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { corpus } from '../../src/demo/corpus.ts'
import type { DemoUpstream } from '../../src/demo/start-demo-upstream.ts'
import { wavHeader } from '../../src/demo/wav.ts'
import { startDemoUpstreams } from '../support/demo-upstreams.ts'
import { at, openShop, type Shop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'
import { until } from '../support/until.ts'

let demos: Record<'search' | 'stt' | 'tts', DemoUpstream>
let shop: Shop
beforeAll(async () => {
  demos = startDemoUpstreams()
  const urls = Object.fromEntries(Object.entries(demos).map(([name, { url }]) => [name, url]))
  shop = await openShop({
    dedicatedHolds: true,
    demoUrls: urls,
  })
})
afterAll(async () => {
  await shop.close()
  await Promise.all(Object.values(demos).map((demo) => demo.stop()))
})

const page = corpus[0]?.url ?? ''
const missingPage = 'https://demo.invalid/nowhere'

/** What the demo service executed under this request id. */
async function executed(service: keyof typeof demos, requestId: string | null) {
  const ledger = await (await fetch(`${demos[service].url}/_demo/calls`)).json()
  return ledger.calls.filter((call: { requestId: string }) => call.requestId === requestId)
}

/** Credits that the key's account has, by the ledger. */
async function available(): Promise<number> {
  const [row] = await shop.ledger.sql<{ free: number }[]>`
    select sum(granted + refunded - adjusted - settled - held)::bigint as free
    from lots where account_id = ${shop.account.accountId} and mode = 'live'`
  return row?.free ?? 5_000
}

/** Compares the response's headers with the log: one hold, one settlement at this price. */
async function expectCharged(
  response: Response,
  {
    route,
    credits,
    quantity,
    held,
  }: Record<'credits' | 'quantity' | 'held', number> & { route: string },
) {
  expect(response.status).toBe(200)
  const requestId = response.headers.get('x-request-id')
  const [hold, settled, ...more] = await shop.eventsOf(requestId)
  expect(more).toEqual([])
  expect(hold).toMatchObject({ type: 'CreditsHeld', credits: held })
  expect(hold?.tariff).toBe(tariffHash(tariffOf(testConfig())))
  expect(settled).toMatchObject({ type: 'HoldSettled', credits, quantity, status: 200 })
  expect(response.headers.get('x-credits-charged')).toBe(String(credits))
  expect(response.headers.get('x-ledger-position')).toBe(at(settled))
  expect(response.headers.get('x-credits-remaining')).toBe(String(await available()))
  const [row] = await shop.ledger.sql<{ endpoint: string }[]>`
    select endpoint from events where request_id = ${requestId} and type = 'HoldSettled'`
  expect(row?.endpoint).toBe(route)
}

/** A form with `seconds` of silence, at 8,000 samples a second. */
function speech(seconds: number, fields: Readonly<Record<string, string>> = {}): FormData {
  const samples = seconds * 8_000
  const form = new FormData()
  const parts = [wavHeader(samples, 8_000), new Uint8Array(samples * 2)]
  form.set('file', new Blob(parts, { type: 'audio/wav' }), 'speech.wav')
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  return form
}

describe('search', () => {
  test('is charged one credit, under the id that the service received', async () => {
    const response = await shop.post('/v1/search', { query: 'ledger' })
    await expectCharged(response, { route: 'search', credits: 1, quantity: 1, held: 1 })
    expect(await executed('search', response.headers.get('x-request-id'))).toHaveLength(1)
    expect((await response.json()).meta.query).toBe('ledger')
  })

  test('tells the account window, which it takes one place in', async () => {
    const key = await shop.newKey()
    const response = await shop.post('/v1/search', { query: 'ledger' }, { key: key.text })
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'ratelimit-policy': '"default";q=100;w=60',
      ratelimit: '"default";r=99',
      'x-ratelimit-limit': '100',
      'x-ratelimit-remaining': '99',
    })
    expect(response.headers.has('x-ratelimit-degraded')).toBe(false)
  })

  test('a test key pays from a balance of its own', async () => {
    const test = await shop.ledger.key(shop.account, { mode: 'test' })
    const response = await shop.post('/v1/search', { query: 'ledger' }, { key: test.text })
    expect(response.headers.get('x-credits-remaining')).toBe('4999')
    const [row] = await shop.ledger.sql`select mode from events
      where request_id = ${response.headers.get('x-request-id')} and type = 'HoldSettled'`
    expect(row?.mode).toBe('test')
  })
})

describe('extract', () => {
  test('is charged one credit for a page that could be read', async () => {
    const response = await shop.post('/v1/extract', { url: page })
    await expectCharged(response, { route: 'extract', credits: 1, quantity: 1, held: 1 })
    expect((await response.json()).success).toBe(true)
  })

  test('is not charged for a 200 that says it did not succeed', async () => {
    const before = await available()
    const response = await shop.post('/v1/extract', { url: missingPage })
    expect(response.status).toBe(200)
    expect((await response.json()).success).toBe(false)
    const events = await shop.eventsOf(response.headers.get('x-request-id'))
    expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldReleased'])
    expect(events[1]?.payload).toEqual({ reason: 'not_successful' })
    expect(response.headers.get('x-credits-charged')).toBe('0')
    expect(response.headers.get('x-ledger-position')).toBe(at(events[1]))
    expect(await available()).toBe(before)
  })
})

describe('bulk extraction', () => {
  test('holds for every page and is charged for those that succeeded', async () => {
    const urls = [page, missingPage, page, missingPage, missingPage]
    const response = await shop.post('/v1/extract/bulk', { urls })
    await expectCharged(response, { route: 'extract-bulk', credits: 2, quantity: 2, held: 5 })
  })

  test('none succeeded: settled at nothing', async () => {
    const response = await shop.post('/v1/extract/bulk', { urls: [missingPage] })
    await expectCharged(response, { route: 'extract-bulk', credits: 0, quantity: 0, held: 1 })
  })
})

describe('transcription', () => {
  const transcribe = (body: FormData) => shop.fetch('/v1/stt/transcribe', { method: 'POST', body })

  test('is charged by started minute, from the seconds that the service says', async () => {
    // 61 s of 16-bit audio; at the lowest accepted bitrate its bytes could last 977 s: 17 minutes.
    const response = await transcribe(speech(61))
    const price = { route: 'stt-transcribe', credits: 20, quantity: 61, held: 170 }
    await expectCharged(response, price)
    expect((await response.json()).duration_seconds).toBe(61)
  })

  test('is charged for as long as the file lasts when the service does not say', async () => {
    const response = await transcribe(speech(60, { model: 'no-duration' }))
    const price = { route: 'stt-transcribe', credits: 10, quantity: 60, held: 170 }
    await expectCharged(response, price)
    expect(await response.json()).not.toHaveProperty('duration_seconds')
  })
})

describe('synthesis', () => {
  const synthesize = (characters: number) =>
    shop.post('/v1/tts/synthesize', {
      text: 'word '.repeat(1_001).slice(0, characters),
      voice: 'demo_two',
    })

  test('is charged by started thousand of characters', async () => {
    for (const [characters, credits] of [
      [1_000, 1],
      [1_001, 2],
    ] as const) {
      const response = await synthesize(characters)
      expect(response.headers.get('x-credits-charged')).toBe(String(credits))
      const bytes = await response.bytes()
      expect(Buffer.from(bytes.subarray(0, 4)).toString()).toBe('RIFF')
      expect(response.headers.get('x-voice')).toBe('demo_two')
      const events = await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldSettled')
      expect(events.map((event) => [event.credits, event.quantity])).toEqual([
        [credits, characters],
        [credits, characters],
      ])
    }
  })

  test('of the longest text streams, its head with the position of the hold', async () => {
    const response = await synthesize(5_000)
    expect(response.headers.get('x-credits-charged')).toBe('5')
    await response.bytes()
    const [hold, settled] = await shop.eventsOf(response.headers.get('x-request-id'))
    expect(response.headers.get('x-ledger-position')).toBe(at(hold))
    expect(settled).toMatchObject({ type: 'HoldSettled', credits: 5, quantity: 5_000 })
    expect(response.headers.get('x-credits-remaining')).toBe(String(await available()))
  })

  test('of a longer text is refused before anything is held', async () => {
    const response = await synthesize(5_001)
    expect(response.status).toBe(400)
    expect((await response.json()).errors[0].pointer).toBe('/text')
    expect(response.headers.get('x-credits-charged')).toBe('0')
    expect(await shop.eventsOf(response.headers.get('x-request-id'))).toEqual([])
  })
})

describe('routes of price 0', () => {
  const routes = [
    ['search-engines', '/v1/search/engines', 'search'],
    ['stt-models', '/v1/stt/models', 'stt'],
    ['stt-languages', '/v1/stt/languages', undefined],
    ['tts-voices', '/v1/tts/voices', 'tts'],
    ['tts-languages', '/v1/tts/languages', undefined],
  ] as const

  test('respond, hold nothing, and are counted: one event per key and route', async () => {
    const key = await shop.newKey()
    for (const [, path, service] of [...routes, ...routes]) {
      const response = await shop.fetch(path, { key: key.text })
      expect(response.status).toBe(200)
      expect(response.headers.get('x-ratelimit-limit')).toBe('100')
      expect(response.headers.has('x-credits-charged')).toBe(false)
      expect(response.headers.has('x-demo-service')).toBe(service !== undefined)
      await response.json()
    }
    const counted = async () => shop.ledger.sql<
      { type: string; endpoint: string; quantity: number }[]
    >`
      select type, endpoint, sum(quantity)::bigint as quantity from events
      where key_id = ${key.keyId} and type <> 'KeyIssued' group by 1, 2 order by 2`
    await until(
      async () => (await counted()).reduce((all, { quantity }) => all + quantity, 0) >= 10,
    )
    expect([...(await counted())]).toEqual(
      routes
        .map(([endpoint]) => ({ type: 'CallsCounted', endpoint, quantity: 2 }))
        .toSorted((a, b) => (a.endpoint < b.endpoint ? -1 : 1)),
    )
  })

  test('respond without an upstream, from the configuration', async () => {
    const { languages } = await (await shop.fetch('/v1/tts/languages')).json()
    expect(languages).toContainEqual({ code: 'fr', name: 'French' })
  })
})
