/** The headers of responses, for the API documentation. */
import type { Reference } from './openapi-types.ts'

const text = { type: 'string' }
const count = { type: 'integer', minimum: 0 }

/** Every header that a response may carry and a program may read. */
export const headers = {
  'X-Request-Id': {
    description: 'The id of this request; the upstream gets it too, and a charge is named by it.',
    schema: { type: 'string', format: 'uuid' },
  },
  'X-Credits-Charged': {
    description: 'What the call cost: 0 where the response is not charged.',
    schema: count,
  },
  'X-Credits-Remaining': {
    description: 'What is left of the credits of the account.',
    schema: count,
  },
  'X-Ledger-Position': {
    description:
      'Where the settlement stands in the ledger, as `shard-position`; of a long response, whose head is sent before, the hold.',
    schema: { type: 'string', pattern: '^\\d+-\\d+$', examples: ['0-1234'] },
  },
  'RateLimit-Policy': {
    description:
      'The limit `q` and the `w` seconds that it holds for (IETF draft). Of several limits the one that refuses, or has the least left.',
    schema: { ...text, examples: ['"default";q=100;w=60'] },
  },
  RateLimit: {
    description: 'What remains (`r`) and, when nothing does, the seconds to wait (`t`).',
    schema: { ...text, examples: ['"default";r=99'] },
  },
  'X-RateLimit-Limit': { description: 'Calls in any span of the limit.', schema: count },
  'X-RateLimit-Remaining': { description: 'Calls that would pass now.', schema: count },
  'X-RateLimit-Reset': {
    description: 'Unix seconds: when one more call would pass.',
    schema: count,
  },
  'X-RateLimit-Degraded': {
    description: '`true` while this gateway decides alone, within its part of the limit.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Retry-After': { description: 'Seconds to wait before trying again.', schema: count },
  'WWW-Authenticate': { description: 'What to authenticate with.', schema: text },
  'Idempotent-Replayed': {
    description:
      '`true` where the response is that of an earlier call with the same Idempotency-Key, sent again.',
    schema: { type: 'string', enum: ['true'] },
  },
  'X-Error-Source': {
    description: "`upstream` where the refusal is the upstream's own, passed on.",
    schema: { type: 'string', enum: ['upstream'] },
  },
} as const

export type HeaderName = keyof typeof headers

/** Of every response to a call that took a permit. */
export const rateHeaderNames = [
  'RateLimit-Policy',
  'RateLimit',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-RateLimit-Degraded',
] as const satisfies readonly HeaderName[]

export function headerRefs(names: readonly HeaderName[]): Record<string, Reference> {
  return Object.fromEntries(
    names.map((name) => [name, { $ref: `#/components/headers/${name}` }] as const),
  )
}
