/**
 * The Anthropic API: messages, and the counting of their tokens. A stream says the request's tokens in its first event
 * (`message_start`), and what came of it in the last but one (`message_delta`), cumulatively.
 * https://docs.claude.com/en/api/messages
 */
import { isMapping } from '../lib/is-mapping.ts'
import { valueAt } from '../lib/json-pointer.ts'
import { textBytes } from '../lib/text-bytes.ts'
import type { Provider, RefusedRequest } from './provider.ts'
import { stainlessRetries } from './stainless-retries.ts'

/** In a message, and in the first event of a stream. What the latter says of the response is not meant yet. */
const ofRequest = (name: string) => [`/usage/${name}`, `/message/usage/${name}`]

export const anthropic: Provider = {
  ofTokenRoutes: {
    settle: { each: ['/delta/text'] },
    kinds: {
      input: ofRequest('input_tokens'),
      cached: ofRequest('cache_read_input_tokens'),
      cacheWrite: ofRequest('cache_creation_input_tokens'),
      output: '/usage/output_tokens',
      reasoning: '/usage/output_tokens_details/thinking_tokens',
      contained: ['reasoning'],
    },
    streams: { when: { pointer: '/stream', equals: true } },
  },

  responseUsage: '/usage/output_tokens',

  textBytes: (json) => textBytes(partOf(json), notText),

  isEmpty: (json) => isError(json) || Array.isArray(valueAt(json, '/content')),

  errorMembers: ({ status, detail, requestId }: RefusedRequest) => ({
    type: 'error',
    error: { type: typeOf(status), message: detail },
    request_id: requestId,
  }),

  errorSchemas: {
    type: { const: 'error', description: 'What clients of the Anthropic API read.' },
    error: {
      type: 'object',
      required: ['type', 'message'],
      properties: {
        type: { type: 'string', examples: ['invalid_request_error'] },
        message: { type: 'string', description: 'As `detail`.' },
      },
    },
    request_id: { type: 'string', description: 'As `requestId`.' },
  },

  retryHeaders: stainlessRetries,

  browserHeaders: ['X-Stainless-*', 'Anthropic-*'],
}

function isError(json: unknown): boolean {
  return valueAt(json, '/type') === 'error' || isMapping(valueAt(json, '/error'))
}

/** What of a message, or of an event of a stream, has its text. */
function partOf(json: unknown): unknown {
  switch (valueAt(json, '/type')) {
    case 'content_block_start':
      return valueAt(json, '/content_block')
    case 'content_block_delta':
      return valueAt(json, '/delta')
    case 'message_start':
      return valueAt(json, '/message/content')
    default:
      return valueAt(json, '/content')
  }
}

/** Members that name things, or prove where a thought comes from. */
const notText: ReadonlySet<string> = new Set(['type', 'id', 'tool_use_id', 'signature'])

function typeOf(status: number): string {
  return types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error')
}

const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
}
