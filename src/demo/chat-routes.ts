/**
 * The demo chat API. It repeats the last message, one word a token, in the shapes of a chat completions API: whole, or
 * event by event. The same request always gets the same text.
 */
import { type Static, Type } from '@sinclair/typebox'
import { type Routes, readJson } from './http.ts'

const chatBody = Type.Object({
  model: Type.String({ minLength: 1 }),
  messages: Type.Array(Type.Object({ role: Type.String(), content: Type.String() }), {
    minItems: 1,
  }),
  max_tokens: Type.Optional(Type.Integer({ minimum: 1 })),
  max_completion_tokens: Type.Optional(Type.Integer({ minimum: 1 })),
  stream: Type.Optional(Type.Boolean()),
  stream_options: Type.Optional(Type.Object({ include_usage: Type.Optional(Type.Boolean()) })),
})

type ChatBody = Static<typeof chatBody>

export const chatRoutes: Routes = {
  'POST /v1/chat/completions': async (request) => {
    const body = await readJson(request, chatBody)
    if (!body.ok) {
      const message = `${body.field || 'body'}: ${body.message}`
      const error = { message, type: 'invalid_request_error', param: body.field, code: null }
      return Response.json({ error }, { status: 400 })
    }
    const chat = body.value
    if (!chat.stream) return Response.json(completion(chat))
    return new Response(streamOf(events(chat)), {
      headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' },
    })
  },
}

/** The reply: the words of the last message, up to the maximum of the request. */
function reply({ messages, max_tokens, max_completion_tokens }: ChatBody) {
  const words = tokensOf(messages.at(-1)?.content ?? '')
  const tokens = words.slice(0, max_completion_tokens ?? max_tokens ?? words.length)
  const prompt = messages.reduce((sum, { content }) => sum + tokensOf(content).length, 0)
  return {
    tokens,
    finish: tokens.length < words.length ? 'length' : 'stop',
    usage: {
      prompt_tokens: prompt,
      completion_tokens: tokens.length,
      total_tokens: prompt + tokens.length,
    },
  }
}

function completion(chat: ChatBody) {
  const { tokens, finish, usage } = reply(chat)
  const message = { role: 'assistant', content: tokens.join(''), refusal: null }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }]
  return { ...head(chat, 'chat.completion'), choices, usage }
}

function* events(chat: ChatBody): Generator<string> {
  const { tokens, finish, usage } = reply(chat)
  const includesUsage = chat.stream_options?.include_usage === true
  const common = { ...head(chat, 'chat.completion.chunk'), ...(includesUsage && { usage: null }) }
  const chunk = (delta: object, finish_reason: string | null = null) =>
    event({ ...common, choices: [{ index: 0, delta, logprobs: null, finish_reason }] })
  yield chunk({ role: 'assistant', content: '' })
  for (const content of tokens) yield chunk({ content })
  yield chunk({}, finish)
  if (includesUsage) yield event({ ...common, choices: [], usage })
  yield 'data: [DONE]\n\n'
}

function head({ model }: ChatBody, object: string) {
  return { id: 'chatcmpl-demo', object, created: 0, model, system_fingerprint: null }
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

/** The words of a text, each with the space before it. */
function tokensOf(text: string): string[] {
  return text.trimEnd().match(/\s*\S+/g) ?? []
}

/** Makes an event only when the reader asks for one, so nothing more is made for a reader who has left. */
function streamOf(parts: Iterator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    pull(controller) {
      const { value, done } = parts.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
  })
}
