/**
 * The demo chat API in the shapes of the Gemini API, of which the path names the model. It repeats the last content, one word a
 * token, whole or event by event, and every event says the usage so far.
 */
import { type Static, Type } from '@sinclair/typebox'
import { event, eventStream } from './event-stream.ts'
import { type Routes, readJson } from './http.ts'
import { textOf, wordsOf } from './words.ts'

const Content = Type.Object({
  parts: Type.Array(Type.Object({ text: Type.Optional(Type.String()) })),
})
const Body = Type.Object({
  contents: Type.Array(Content, { minItems: 1 }),
  systemInstruction: Type.Optional(Content),
  generationConfig: Type.Optional(
    Type.Object({ maxOutputTokens: Type.Optional(Type.Integer({ minimum: 1 })) }),
  ),
})
type Body = Static<typeof Body>

const models = ['demo', 'small', 'large']

export const geminiRoutes: Routes = Object.fromEntries(
  models.flatMap((model) => [
    [`POST /v1beta/models/${model}:generateContent`, respondTo(model, false)],
    [`POST /v1beta/models/${model}:streamGenerateContent`, respondTo(model, true)],
  ]),
)

function respondTo(model: string, streams: boolean): Routes[string] {
  return async (request) => {
    const body = await readJson(request, Body)
    if (!body.ok) {
      const message = `${body.field || 'body'}: ${body.message}`
      return Response.json(
        { error: { code: 400, message, status: 'INVALID_ARGUMENT' } },
        { status: 400 },
      )
    }
    const { words, prompt, finishReason } = reply(body.value)
    const { length } = words
    if (streams) return eventStream(events(model, body.value))
    return Response.json(part(model, words.join(''), { prompt, length, finishReason }))
  }
}

function* events(model: string, body: Body): Generator<string> {
  const { words, prompt, finishReason } = reply(body)
  for (const [index, word] of words.entries()) {
    const length = index + 1
    const reason = length === words.length ? { finishReason } : {}
    yield event(part(model, word, { prompt, length, ...reason }))
  }
}

function reply({ contents, systemInstruction, generationConfig }: Body) {
  const all = wordsOf(textOf(contents.at(-1)?.parts))
  const words = all.slice(0, generationConfig?.maxOutputTokens ?? all.length)
  const prompts = [...contents, ...(systemInstruction ? [systemInstruction] : [])]
  return {
    words,
    prompt: prompts.reduce((sum, { parts }) => sum + wordsOf(textOf(parts)).length, 0),
    finishReason: words.length < all.length ? 'MAX_TOKENS' : 'STOP',
  }
}

function part(
  modelVersion: string,
  text: string,
  said: { readonly prompt: number; readonly length: number; readonly finishReason?: string },
) {
  const { prompt, length, finishReason } = said
  const content = { parts: [{ text }], role: 'model' }
  return {
    candidates: [{ content, index: 0, ...(finishReason && { finishReason }) }],
    usageMetadata: {
      promptTokenCount: prompt,
      candidatesTokenCount: length,
      totalTokenCount: prompt + length,
    },
    modelVersion,
  }
}
