/** The large bodies of an account are read at a pace of its own, whatever becomes of them. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, spyOn, test } from 'bun:test'
import { Pace } from '../../src/lib/pace.ts'
import { openShop, type Shop } from '../support/shop.ts'

let shop: Shop
beforeAll(async () => {
  const price = { per: 'request', credits: 1 }
  const route = { method: 'POST', summary: 'Bytes', service: 'search', price }
  const raw = { ...route, request: { raw: ['image/*'] }, maxBodyBytes: 1_000_000 }
  shop = await openShop({
    config: { routes: { 'raw-bytes': { ...raw, path: '/v1/raw', upstreamPath: '/raw' } } },
  })
})
afterAll(() => shop.close())

let counted: ReturnType<typeof spyOn<Pace, 'count'>>
beforeEach(() => {
  counted = spyOn(Pace.prototype, 'count')
})
afterEach(() => counted.mockRestore())

/** What was counted, by its account. */
function sums(): Record<string, number> {
  const found: Record<string, number> = {}
  for (const [owner, amount] of counted.mock.calls) found[owner] = (found[owner] ?? 0) + amount
  return found
}

test('a body that is refused counts in the pace of its account', async () => {
  const key = await shop.newKey()
  const json = { nothing: 'x'.repeat(300_000) }
  const { status } = await shop.post('/v1/search', json, { key: key.text })
  expect(status).toBe(400)
  expect(sums()).toEqual({ [key.accountId]: JSON.stringify(json).length })
})

test('and so does one that is streamed, of each account by itself', async () => {
  const [ann, ben] = [await shop.newKey(), await shop.newKey()]
  const headers = { 'content-type': 'image/png' }
  for (const [{ text }, bytes] of [
    [ann, 200_000],
    [ben, 400_000],
  ] as const) {
    const body = new Uint8Array(bytes)
    await shop.fetch('/v1/raw', { key: text, method: 'POST', headers, body })
  }
  expect(sums()).toEqual({ [ann.accountId]: 200_000, [ben.accountId]: 400_000 })
})

test('a small body waits for nothing', async () => {
  const key = await shop.newKey()
  const { status } = await shop.post('/v1/search', { query: 'x' }, { key: key.text })
  expect(status).toBe(200)
  expect(sums()).toEqual({})
})
