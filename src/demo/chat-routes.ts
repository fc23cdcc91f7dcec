/**
 * The demo chat API. It repeats the last message, one word a token, in the shapes of a chat completions API: whole, or
 * event by event. The same request always gets the same text.
 */
import { type Static, type TSchema, Type } from '@sinclair/typebox'
import { event, eventStream } from './event-stream.ts'
import { type Routes, readJson } from './http.ts'
import { textOf, wordsOf } from './words.ts'

const orNull = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]))

const chatBody = Type.Object({
  model: Type.String({ minLength: 1 }),
  messages: Type.Array(
    Type.Object({
      role: Type.String(),
      // Of a message with images or tool calls, only the text is repeated.
      content: orNull(
        Type.Union([
          Type.String(),
          Type.Array(Type.Object({ type: Type.String(), text: Type.Optional(Type.String()) })),
        ]),
      ),
    }),
    { minItems: 1 },
  ),
  max_tokens: orNull(Type.Integer({ minimum: 1 })),
  max_completion_tokens: orNull(Type.Integer({ minimum: 1 })),
  stream: orNull(Type.Boolean()),
  stream_options: orNull(Type.Object({ include_usage: orNull(Type.Boolean()) })),
})

type ChatBody = Static<typeof chatBody>

const models = {
  object: 'list',
  data: ['demo', 'small', 'large'].map((id) => ({
    ...{ id, object: 'model', created: 0, owned_by: 'tollbook-demo' },
  })),
}

export const chatRoutes: Routes = {
  'GET /v1/models': () => Response.json(models),
  'POST /v1/chat/completions': async (request) => {
    const body = await readJson(request, chatBody)
    if (!body.ok) {
      const message = `${body.field || 'body'}: ${body.message}`
      return refusal(400, { message, param: body.field, code: null })
    }
    const chat = body.value
    if (!models.data.some(({ id }) => id === chat.model)) {
      const message = `The model \`${chat.model}\` does not exist.`
      return refusal(404, { message, param: 'model', code: 'model_not_found' })
    }
    if (!chat.stream) return Response.json(completion(chat))
    return eventStream(events(chat))
  },
}

function refusal(
  status: number,
  error: { readonly message: string; readonly param: string; readonly code: string | null },
): Response {
  return Response.json({ error: { ...error, type: 'invalid_request_error' } }, { status })
}

/** The reply: the words of the last message, up to the maximum of the request. */
function reply({ messages, max_tokens, max_completion_tokens }: ChatBody) {
  const words = wordsOf(textOf(messages.at(-1)?.content))
  const tokens = words.slice(0, max_completion_tokens ?? max_tokens ?? words.length)
  const prompt = messages.reduce((sum, message) => sum + wordsOf(textOf(message.content)).length, 0)
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
