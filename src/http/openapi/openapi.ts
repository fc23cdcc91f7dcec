/**
 * What the documentation of all routes shares: how to sign in, what headers say, and refusals. OpenAPI
 * 3.1, whose schemas are JSON Schema 2020-12, as the configuration's are.
 */

import type { ProblemDocument } from '../../problems/problem-document.ts'
import { type RefusalCode, refusals } from '../../problems/refusal.ts'
import { Problem } from './problem-schema.ts'

export interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly description?: string
  readonly tags: readonly string[]
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly required: boolean; readonly content: Content }
  readonly responses: Responses
  readonly 'x-price'?: unknown
}

export interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly description?: string
  readonly schema: unknown
}

/** By path, then by method in lower case. */
export type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

/** By status. */
export type Responses = Readonly<Record<string, ResponseObject>>

export interface ResponseObject {
  readonly description: string
  readonly headers?: Readonly<Record<string, Reference>>
  readonly content?: Content
}

/** By media type. */
export type Content = Readonly<
  Record<
    string,
    {
      readonly schema?: unknown
      readonly example?: unknown
      readonly examples?: Readonly<Record<string, unknown>>
      readonly encoding?: unknown
    }
  >
>

export interface Reference {
  readonly $ref: string
}

const securitySchemes = {
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'An API key, as `POST /api-keys` gave it.',
  },
  apiKeyBearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'API key',
    description: 'The same API key as `Authorization: Bearer <key>`.',
  },
  signIn: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'A JSON Web Token: HS256 with the shared secret (`tollbook token` signs one), or one of your identity provider.',
  },
} as const

/** Either way of showing an API key. */
export const withApiKey = [{ apiKey: [] }, { apiKeyBearer: [] }] as const
export const withSignIn = [{ signIn: [] }] as const

/** Every way in which an API key is refused, whatever it is used for. */
export const keyRefusals = [
  'missing_key',
  'malformed_key',
  'unknown_key',
  'key_disabled',
  'key_expired',
  'account_frozen',
  'ip_not_allowed',
] as const satisfies readonly RefusalCode[]

/** Every way in which a body is refused, whatever it is for. */
export const bodyRefusals = [
  'invalid_request',
  'body_too_slow',
  'body_too_large',
  'unsupported_media_type',
] as const satisfies readonly RefusalCode[]

const text = { type: 'string' }
const count = { type: 'integer', minimum: 0 }

/** Every header that an answer may carry and a program may read. */
const headers = {
  'X-Request-Id': {
    description: 'The id of this request; the service gets it too, and a charge is named by it.',
    schema: { type: 'string', format: 'uuid' },
  },
  'X-Credits-Charged': { description: 'What the call cost: 0 unless it succeeded.', schema: count },
  'X-Credits-Remaining': {
    description: 'What is left of the credits of the account.',
    schema: count,
  },
  'X-Ledger-Position': {
    description:
      'Where the settlement stands in the ledger, as `shard-position`; of a long answer, whose head is sent before, the hold.',
    schema: { type: 'string', pattern: '^\\d+-\\d+$', examples: ['0-1234'] },
  },
  'RateLimit-Policy': {
    description: 'The limit `q` and its window `w` in seconds (IETF draft).',
    schema: { ...text, examples: ['"default";q=100;w=60'] },
  },
  RateLimit: {
    description: 'What remains (`r`) and, when nothing does, the seconds to wait (`t`).',
    schema: { ...text, examples: ['"default";r=99'] },
  },
  'X-RateLimit-Limit': { description: 'Calls in any window.', schema: count },
  'X-RateLimit-Remaining': { description: 'Calls that would pass now.', schema: count },
  'X-RateLimit-Reset': {
    description: 'Unix seconds: when one more call would pass.',
    schema: count,
  },
  'X-RateLimit-Degraded': {
    description: '`true` while this gateway decides alone, by its share of the limit.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Retry-After': { description: 'Seconds to wait before trying again.', schema: count },
  'WWW-Authenticate': { description: 'What to authenticate with.', schema: text },
  'Idempotent-Replayed': {
    description:
      '`true` where the answer is that of an earlier call with the same Idempotency-Key, given again.',
    schema: { type: 'string', enum: ['true'] },
  },
  'X-Error-Source': {
    description: "`upstream` where the refusal is the service's own, passed on uncharged.",
    schema: { type: 'string', enum: ['upstream'] },
  },
} as const

export type HeaderName = keyof typeof headers

/** Of every answer that passed the gate. */
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

/**
 * How a route refuses with these codes: a response for each status, an example for each code.
 * @param more headers that these refusals carry beyond those of every refusal with the status
 */
export function refusalResponses(
  codes: readonly RefusalCode[],
  more: (status: number) => readonly HeaderName[] = () => [],
): Responses {
  const byStatus = Map.groupBy(new Set(codes), (code) => refusals[code].status)
  const responses = [...byStatus].map(([status, codes]): [string, ResponseObject] => [
    String(status),
    {
      description: codes.map((code) => `\`${code}\`: ${refusals[code].title}.`).join(' '),
      headers: headerRefs([...headersOf(status), ...more(status)]),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(
            codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
          ),
        },
      },
    },
  ])
  return Object.fromEntries(responses)
}

function headersOf(status: number): HeaderName[] {
  if (status === 401) return ['X-Request-Id', 'WWW-Authenticate']
  return status === 429 || status === 503 ? ['X-Request-Id', 'Retry-After'] : ['X-Request-Id']
}

/** The parts of the document that others refer to. */
export const components = {
  securitySchemes,
  headers,
  schemas: {
    Problem: {
      ...Problem,
      properties: {
        ...Problem.properties,
        code: { ...Problem.properties.code, enum: Object.keys(refusals) },
      },
    },
  },
  examples: Object.fromEntries(
    Object.keys(refusals).map((code) => [code, { value: exampleProblem(code as RefusalCode) }]),
  ),
}

function exampleProblem(code: RefusalCode): ProblemDocument {
  const { status, title } = refusals[code]
  const message = `${title}.`
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail: message,
    code,
    requestId: '019b0f6e-7c1a-7d2b-8e3c-4f5a6b7c8d9e',
    statusCode: status,
    message,
    ...(status === 400 && { errors: [{ pointer: '/query', detail: 'missing' }] }),
    ...(status === 402 && {
      ...{ required: 20, available: 3 },
      ...{ resetsAt: '2026-02-01T00:00:00.000Z', position: '0-1234' },
    }),
  }
}

export function mapValues<From, To>(
  object: Readonly<Record<string, From>>,
  map: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value, name)]))
}
