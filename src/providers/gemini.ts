/**
 * The Gemini API: `generateContent`, and `streamGenerateContent` with `alt=sse`, which is a path of its own. Every event of a
 * stream says the usage so far.
 * https://ai.google.dev/api/generate-content
 */
import { isMapping } from '../lib/is-mapping.ts'
import { pointerSteps, valueAt } from '../lib/json-pointer.ts'
import { textBytes } from '../lib/text-bytes.ts'
import type { Provider, RefusedRequest } from './provider.ts'

export const gemini: Provider = {
  ofTokenRoutes: {
    settle: {
      usage: '/usageMetadata/totalTokenCount',
      each: ['/candidates/0/content/parts'],
    },
    kinds: {
      input: ['/usageMetadata/promptTokenCount', '/usageMetadata/toolUsePromptTokenCount'],
      cached: '/usageMetadata/cachedContentTokenCount',
      output: '/usageMetadata/candidatesTokenCount',
      reasoning: '/usageMetadata/thoughtsTokenCount',
      contained: ['cached'],
    },
  },

  responseUsage: '/usageMetadata/candidatesTokenCount',

  textBytes: (json) => partsOf(json).reduce<number>((sum, part) => sum + bytesOf(part), 0),

  isEmpty: (json) =>
    ['/error', '/promptFeedback', '/candidates'].some((at) => valueAt(json, at) !== undefined),

  errorMembers: ({ status, code, detail, pointer }: RefusedRequest) => ({
    error: {
      code: status,
      message: detail,
      status: statusName(status),
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: code.toUpperCase(),
          domain: 'tollbook',
        },
        ...(pointer ? [badRequest(pointer, detail)] : []),
      ],
    },
  }),

  errorSchemas: {
    error: {
      type: 'object',
      description: 'What clients of the Gemini API read.',
      required: ['code', 'message', 'status', 'details'],
      properties: {
        code: { type: 'integer', description: 'As `status` beside `error`.' },
        message: { type: 'string', description: 'As `detail`.' },
        status: { type: 'string', examples: ['INVALID_ARGUMENT'] },
        details: { type: 'array', items: { type: 'object' } },
      },
    },
  },

  // Its clients go by the status alone.
  retryHeaders: () => ({}),

  browserHeaders: ['X-Goog-*'],
}

/** Of any candidate: a request can ask for several. */
function partsOf(json: unknown): readonly unknown[] {
  const candidates = valueAt(json, '/candidates')
  if (!Array.isArray(candidates)) return []
  return candidates.flatMap((candidate) => {
    const parts = valueAt(candidate, '/content/parts')
    return Array.isArray(parts) ? parts : []
  })
}

/** Whatever a part says counts. Of a picture or of sound it is unknown how many tokens it is: it is something. */
function bytesOf(part: unknown): number {
  if (!isMapping(part)) return textBytes(part)
  const { inlineData, ...said } = part
  return textBytes(said, notText) + Math.min(textBytes(inlineData), 1)
}

/** Members that name things, or prove where a thought comes from. */
const notText: ReadonlySet<string> = new Set([
  'id',
  'thoughtSignature',
  'mimeType',
  'language',
  'outcome',
])

function badRequest(pointer: string, description: string) {
  const field = pointerSteps(pointer).join('.')
  return {
    '@type': 'type.googleapis.com/google.rpc.BadRequest',
    fieldViolations: [{ field, description }],
  }
}

function statusName(status: number): string {
  return statusNames[status] ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL')
}

/** https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const statusNames: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  402: 'FAILED_PRECONDITION',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  405: 'UNIMPLEMENTED',
  408: 'DEADLINE_EXCEEDED',
  409: 'ABORTED',
  422: 'FAILED_PRECONDITION',
  429: 'RESOURCE_EXHAUSTED',
  502: 'UNAVAILABLE',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}
