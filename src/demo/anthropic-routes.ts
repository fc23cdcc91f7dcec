/**
 * The demo chat API in the shapes of the Anthropic API. It repeats the last message, one word a token, whole or event by event.
 * What of the system's text asks to be cached is read from the cache.
 */
import { type Static, Type } from '@sinclair/typebox'
import { event, eventStream } from './event-stream.ts'
import { type Routes, readJson } from './http.ts'
import { textOf, wordsOf } from './words.ts'

const Content = Type.Union([
  Type.String(),
  Type.Array(
    Type.Object({
      text: Type.Optional(Type.String()),
      cache_control: Type.Optional(Type.Unknown()),
    }),
  ),
])

const Body = Type.Object({
  model: Type.String({ minLength: 1 }),
  max_tokens: Type.Integer({ minimum: 1 }),
  messages: Type.Array(Type.Object({ role: Type.String(), content: Content }), { minItems: 1 }),
  system: Type.Optional(Content),
  stream: Type.Optional(Type.Boolean()),
})
type Body = Static<typeof Body>

export const anthropicRoutes: Routes = {
  'POST /v1/messages': async (request) => {
    const body = await readJson(request, Body)
    if (!body.ok) {
      const message = `${body.field || 'body'}: ${body.message}`
      const error = { type: 'invalid_request_error', message }
      return Response.json({ type: 'error', error }, { status: 400 })
    }
    if (body.value.stream) return eventStream(events(body.value))
    const { words, stop, usage } = reply(body.value)
    const content = [{ type: 'text', text: words.join('') }]
    return Response.json({ ...head(body.value), content, ...stop, usage })
  },
}

function reply({ messages, max_tokens, system = [] }: Body) {
  const all = wordsOf(textOf(messages.at(-1)?.content))
  const words = all.slice(0, max_tokens)
  const blocks = typeof system === 'string' ? [{ text: system }] : system
  const count = (content: Body['messages'][number]['content']) => wordsOf(textOf(content)).length
  const isCached = (block: object) => 'cache_control' in block
  return {
    words,
    stop: {
      stop_reason: words.length < all.length ? 'max_tokens' : 'end_turn',
      stop_sequence: null,
    },
    usage: {
      input_tokens:
        messages.reduce((sum, { content }) => sum + count(content), 0) +
        count(blocks.filter((block) => !isCached(block))),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: count(blocks.filter(isCached)),
      output_tokens: words.length,
    },
  }
}

function* events(body: Body): Generator<string> {
  const { words, stop, usage } = reply(body)
  const named = (type: string, data: object = {}) => event({ type, ...data }, type)
  const started = { ...head(body), content: [], stop_reason: null, stop_sequence: null }
  yield named('message_start', { message: { ...started, usage: { ...usage, output_tokens: 1 } } })
  yield named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
  yield named('ping')
  for (const text of words) {
    yield named('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })
  }
  yield named('content_block_stop', { index: 0 })
  yield named('message_delta', { delta: stop, usage: { output_tokens: usage.output_tokens } })
  yield named('message_stop')
}

function head({ model }: Body) {
  return { id: 'msg_demo', type: 'message', role: 'assistant', model }
}
