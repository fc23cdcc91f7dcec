// What the response headers say about a rate limit.
import { expect, test } from 'bun:test'
import { rateHeaders } from '../../src/gate/rate-limit/rate-limit-headers.ts'

const nowMs = 1_760_000_000_000
const open = { limit: 10, remaining: 3, windowMs: 60_000, resetMs: 0 }
const full = { limit: 10, remaining: 0, windowMs: 60_000, resetMs: 11_001 }

test('a rate limit that is not reached', () => {
  expect(rateHeaders(open, nowMs, false)).toEqual({
    'RateLimit-Policy': '"default";q=10;w=60',
    RateLimit: '"default";r=3',
    'X-RateLimit-Limit': '10',
    'X-RateLimit-Remaining': '3',
    'X-RateLimit-Reset': '1760000000',
  })
})

test('a call that took the last permit reads when the next one passes', () => {
  expect(rateHeaders(full, nowMs, false)).toEqual({
    'RateLimit-Policy': '"default";q=10;w=60',
    RateLimit: '"default";r=0;t=12',
    'X-RateLimit-Limit': '10',
    'X-RateLimit-Remaining': '0',
    'X-RateLimit-Reset': '1760000012',
  })
})

test('a refused call reads how many seconds to wait, rounded up', () => {
  expect(rateHeaders(full, nowMs, true)['Retry-After']).toBe('12')
  expect(rateHeaders({ ...full, resetMs: 11_000 }, nowMs, true)['Retry-After']).toBe('11')
})

test('a refused call never waits for zero seconds', () => {
  const headers = rateHeaders({ ...full, resetMs: 0.2 }, nowMs, true)
  expect(headers['Retry-After']).toBe('1')
  expect(headers.RateLimit).toBe('"default";r=0;t=1')
})

test('the reset is no earlier than the next permit', () => {
  const headers = rateHeaders({ ...full, resetMs: 1 }, nowMs + 999.5, true)
  expect(headers['X-RateLimit-Reset']).toBe('1760000002')
})

test('structured fields hold whole numbers, also for time spans that are not whole seconds', () => {
  expect(rateHeaders({ ...open, windowMs: 1_500 }, nowMs, false)['RateLimit-Policy']).toBe(
    '"default";q=10;w=2',
  )
})
