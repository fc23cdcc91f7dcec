/** Refusals in the API documentation: a response by status, an example by code. */
import { type ProblemDocument, problemDocument } from '../../problems/problem-document.ts'
import { type RefusalCode, refusals } from '../../problems/refusal.ts'
import { type HeaderName, headerRefs } from './openapi-headers.ts'
import type { ResponseObject, Responses } from './openapi-types.ts'
import { Problem } from './problem-schema.ts'

/**
 * The responses of a route that refuses with these codes: one for each status, with an example for each code.
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
      headers: headerRefs([...headersOf(status, codes), ...more(status)]),
      content: {
        'application/problem+json': {
          schema: problemOfCodes(codes),
          examples: Object.fromEntries(
            codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
          ),
        },
      },
    },
  ])
  return Object.fromEntries(responses)
}

/** A problem document with one of these codes, so that a generated client knows which there are. */
function problemOfCodes(codes: readonly RefusalCode[]) {
  const narrowed = { type: 'object', properties: { code: { type: 'string', enum: codes } } }
  return { allOf: [{ $ref: '#/components/schemas/Problem' }, narrowed] }
}

function headersOf(status: number, codes: readonly RefusalCode[]): HeaderName[] {
  if (status === 401) return ['X-Request-Id', 'WWW-Authenticate']
  const waits = status === 429 || status === 503 || codes.includes('budget_exceeded')
  return waits ? ['X-Request-Id', 'Retry-After'] : ['X-Request-Id']
}

/** The schema of every refusal, for `#/components/schemas/Problem`. */
export const problemSchema = {
  ...Problem,
  properties: {
    ...Problem.properties,
    code: { ...Problem.properties.code, enum: Object.keys(refusals) },
  },
}

/** A refusal of each code, for `#/components/examples`. */
export const problemExamples: Readonly<Record<string, { readonly value: ProblemDocument }>> =
  Object.fromEntries(
    Object.keys(refusals).map((code) => [code, { value: exampleProblem(code as RefusalCode) }]),
  )

function exampleProblem(code: RefusalCode): ProblemDocument {
  const { status, title } = refusals[code]
  return problemDocument(code, {
    requestId: '019b0f6e-7c1a-7d2b-8e3c-4f5a6b7c8d9e',
    detail: `${title}.`,
    ...(status === 400 && { errors: [{ pointer: '/query', detail: 'missing' }] }),
    ...(status === 402 && {
      ...{ required: 20, available: 3 },
      ...(code === 'budget_exceeded' && { budget: 'account month UTC' }),
      ...{ resetsAt: '2026-02-01T00:00:00.000Z', position: '0-1234' },
    }),
  })
}
