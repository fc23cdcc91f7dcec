/**
 * The OpenAI API, as its official clients and most chat services speak it: chat completions, completions and models.
 * https://platform.openai.com/docs/api-reference
 */
import { isMapping } from '../lib/is-mapping.ts'
import { pointerSteps, valueAt } from '../lib/json-pointer.ts'
import { textBytes } from '../lib/text-bytes.ts'
import type { Provider, RefusedRequest } from './provider.ts'
import { stainlessRetries } from './stainless-retries.ts'

export const openai: Provider = {
  ofTokenRoutes: {
    settle: { usage: '/usage/total_tokens', each: ['/choices/0/delta/content'] },
    kinds: {
      input: '/usage/prompt_tokens',
      cached: '/usage/prompt_tokens_details/cached_tokens',
      output: '/usage/completion_tokens',
      reasoning: '/usage/completion_tokens_details/reasoning_tokens',
      contained: ['cached', 'reasoning'],
    },
    // A stream says its usage only when it is asked to.
    streams: {
      when: { pointer: '/stream', equals: true },
      send: { stream_options: { include_usage: true } },
    },
  },

  responseUsage: '/usage/completion_tokens',

  textBytes: (json) => choicesOf(json).reduce<number>((sum, choice) => sum + bytesOf(choice), 0),

  isEmpty: (json) => hasError(json) || choicesOf(json).length > 0,

  errorMembers: ({ status, code, detail, pointer }: RefusedRequest) => ({
    error: {
      message: detail,
      type: typeOf(status),
      code,
      param: pointer ? paramOf(pointer) : null,
    },
  }),

  errorSchemas: {
    error: {
      type: 'object',
      description: 'What clients of the OpenAI API read.',
      required: ['message', 'type', 'code', 'param'],
      properties: {
        message: { type: 'string', description: 'As `detail`.' },
        type: { type: 'string', examples: ['invalid_request_error'] },
        code: { type: 'string', description: 'As `code` beside `error`.' },
        param: {
          type: ['string', 'null'],
          description: 'The first field that is wrong.',
          examples: ['messages[0].role'],
        },
      },
    },
  },

  retryHeaders: stainlessRetries,

  browserHeaders: ['X-Stainless-*', 'OpenAI-*'],
}

function hasError(json: unknown): boolean {
  return (valueAt(json, '/error') ?? undefined) !== undefined
}

/** Of any index: a request can ask for several. */
function choicesOf(json: unknown): readonly unknown[] {
  const choices = valueAt(json, '/choices')
  return Array.isArray(choices) ? choices : []
}

/**
 * A choice has its text in `delta` in a stream, else in `message`; one of the older completions in `text`. Some services
 * repeat all text so far in a `message` beside each `delta`.
 */
function bytesOf(choice: unknown): number {
  if (!isMapping(choice)) return 0
  const { delta, message, text } = choice
  return messageBytes(delta ?? message ?? text)
}

/** Whatever is said counts, also what services add of their own, such as `reasoning_content`. */
function messageBytes(message: unknown): number {
  if (!isMapping(message)) return textBytes(message)
  let bytes = 0
  for (const [name, value] of Object.entries(message)) {
    if (name === 'audio') bytes += speechBytes(value)
    else if (!names.has(name)) bytes += textBytes(value, names)
  }
  return bytes
}

/** Of speech the words are text. Where it comes without them, it is something all the same. */
function speechBytes(audio: unknown): number {
  return textBytes(valueAt(audio, '/transcript')) || Math.min(textBytes(valueAt(audio, '/data')), 1)
}

/** Members that name things. */
const names: ReadonlySet<string> = new Set(['role', 'id', 'type'])

function typeOf(status: number): string {
  return types[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error')
}

const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  402: 'insufficient_quota',
  403: 'permission_error',
  429: 'rate_limit_error',
}

/** `/messages/0/role` → `messages[0].role`. */
function paramOf(pointer: string): string {
  const steps = pointer.startsWith('/') ? pointerSteps(pointer) : [pointer]
  return steps
    .map((step, at) => (/^\d+$/.test(step) ? `[${step}]` : at ? `.${step}` : step))
    .join('')
}
