import { describe, expect, test } from 'bun:test'
import { problem, problemOf } from '../../src/problems/problem-document.ts'
import {
  invalidRequest,
  type RefusalCode,
  refusals,
  unknownKey,
} from '../../src/problems/refusal.ts'

const codes = Object.keys(refusals) as RefusalCode[]

/** The contract: programs match on these. A code may be added, never changed. */
const statusByCode: Record<RefusalCode, number> = {
  invalid_request: 400,
  missing_key: 401,
  malformed_key: 401,
  unknown_key: 401,
  key_disabled: 401,
  key_expired: 401,
  unauthorized: 401,
  insufficient_credits: 402,
  key_cap_reached: 402,
  budget_exceeded: 402,
  endpoint_not_allowed: 403,
  ip_not_allowed: 403,
  plan_not_grantable: 403,
  refund_by_operator: 403,
  forbidden: 403,
  sign_in_too_old: 403,
  account_frozen: 403,
  not_found: 404,
  method_not_allowed: 405,
  body_too_slow: 408,
  conflict: 409,
  delivery_pending: 409,
  idempotency_in_progress: 409,
  outcome_unknown: 409,
  answer_not_stored: 409,
  precondition_failed: 412,
  body_too_large: 413,
  unsupported_media_type: 415,
  idempotency_mismatch: 422,
  rate_limited: 429,
  concurrency_exceeded: 429,
  internal: 500,
  upstream_unreachable: 502,
  upstream_failed: 502,
  sign_in_unavailable: 503,
  reports_busy: 503,
  upstream_busy: 503,
  ledger_unavailable: 503,
  bodies_too_large: 503,
  price_missing: 503,
  report_timeout: 504,
  upstream_timeout: 504,
}

describe('a problem document', () => {
  for (const code of codes) {
    test(`${code} has status ${statusByCode[code]}, in the header and in the body`, async () => {
      const response = problem(code, { requestId: 'r-1', detail: 'What happened.' })
      expect(response.status).toBe(statusByCode[code])
      expect(response.headers.get('content-type')).toBe('application/problem+json')
      expect(await response.json()).toEqual({
        type: `/problems/${code}`,
        title: refusals[code].title,
        status: statusByCode[code],
        detail: 'What happened.',
        code,
        requestId: 'r-1',
        statusCode: statusByCode[code],
        message: 'What happened.',
      })
    })
  }

  test('every 401 carries the same challenge, and nothing else does', () => {
    for (const code of codes) {
      const challenge = problem(code, { requestId: 'r', detail: 'd' }).headers.get(
        'www-authenticate',
      )
      expect(challenge).toBe(statusByCode[code] === 401 ? 'Bearer realm="tollbook"' : null)
    }
  })

  test('says what a program needs to go on', async () => {
    const extensions = {
      required: 10,
      available: 3,
      resetsAt: '2026-02-01T00:00:00.000Z',
      position: '0-17',
      errors: [{ pointer: '/query', detail: 'expected a text' }],
    }
    const response = problem('insufficient_credits', { requestId: 'r', detail: 'd', ...extensions })
    expect(await response.json()).toMatchObject(extensions)
  })

  test('carries the headers the refusal asks for, once each', () => {
    const response = problemOf(
      {
        code: 'rate_limited',
        detail: 'd',
        headers: { 'retry-after': '7', 'cache-control': 'private' },
      },
      'r-2',
    )
    expect(response.headers.get('Retry-After')).toBe('7')
    expect(response.headers.get('Cache-Control')).toBe('private')
    expect(response.headers.get('X-Request-Id')).toBe('r-2')
  })

  test('is never stored by a cache on the way', () => {
    const response = problem('not_found', { requestId: 'r', detail: 'd' })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  test('a refusal as data becomes the same response', async () => {
    const refusal = { code: 'key_cap_reached', detail: 'd', extensions: { required: 2 } } as const
    const direct = problem('key_cap_reached', { requestId: 'r', detail: 'd', required: 2 })
    expect(await problemOf(refusal, 'r').text()).toBe(await direct.text())
  })

  test('of an unknown key does not reveal that it was revoked', async () => {
    const body = await problemOf(unknownKey, 'r').json()
    expect(body).toMatchObject({ code: 'unknown_key', title: 'The API key is not valid' })
    expect(Object.keys(body as object)).toHaveLength(8)
  })
})

test('the detail of an invalid request is its first error, with its place', () => {
  const detailOf = (pointer: string) => invalidRequest([{ pointer, detail: 'missing' }]).detail
  expect(['', '/title', 'path/id'].map(detailOf)).toEqual([
    'missing',
    '/title: missing',
    'path/id: missing',
  ])
})
