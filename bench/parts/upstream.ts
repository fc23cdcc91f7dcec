/**
 * The upstream that everything is measured in front of. What it responds is made beforehand and always the
 * same, so that what is measured is the way there and back. It responds at the paths that clients use, for
 * proxies that pass them on, and at those that the gateway makes of them.
 */

import { type Part, startScript } from './child.ts'

export const upstreamBody = searchResponse(463)
/** Of the large response and of the large request. */
export const largeBytes = 100_000
/** Events that bring a token each, in one stream. */
export const streamedTokens = 100

/** Starts the upstream as a process of its own, on a free port of the loopback. */
export function startUpstream(): Promise<Part> {
  return startScript(import.meta.path)
}

/** A search response with one result, filled up to exactly this many bytes. */
function searchResponse(bytes: number): string {
  const withSnippet = (snippet: string) =>
    JSON.stringify({
      results: [{ url: 'https://example.com/', title: 'A result', snippet, engine: 'bench' }],
      meta: { query: 'bench', totalResults: 1, engines: ['bench'], duration: 0, cached: false },
    })
  return withSnippet('x'.repeat(bytes - withSnippet('').length))
}

/** A chat's response, event by event, and its usage at the end. */
function chatEvents(): string[] {
  const event = (data: object) => `data: ${JSON.stringify({ id: 'chat', ...data })}\n\n`
  const token = { choices: [{ index: 0, delta: { content: ' honey' }, finish_reason: null }] }
  const usage = { prompt_tokens: 10, completion_tokens: streamedTokens, total_tokens: 110 }
  return [
    ...Array.from({ length: streamedTokens }, () => event(token)),
    event({ choices: [], usage }),
    'data: [DONE]\n\n',
  ]
}

/** The same without a stream. */
const chatResponse = JSON.stringify({
  ...{ id: 'chat', object: 'chat.completion', created: 1_800_000_000, model: 'bench' },
  choices: [{ index: 0, message: { role: 'assistant', content: ' honey' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
})

if (import.meta.main) {
  const encoder = new TextEncoder()
  const json = { headers: { 'Content-Type': 'application/json' } }
  const small = encoder.encode(upstreamBody)
  const large = encoder.encode(searchResponse(largeBytes))
  const transcript = JSON.stringify({ text: 'Good morning.', language: 'en', duration_seconds: 3 })
  const events = chatEvents().map((event) => encoder.encode(event))

  const respondLarge = () => new Response(large, json)
  const readLarge = async (request: Request) => {
    await request.arrayBuffer()
    return new Response(small, json)
  }
  const transcribe = async (request: Request) => {
    await request.arrayBuffer()
    return new Response(transcript, json)
  }
  const chat = async (request: Request) => {
    const { stream: isStreamed } = (await request.json()) as { stream?: boolean }
    return isStreamed ? streamChat() : new Response(chatResponse, json)
  }
  const streamChat = () => {
    let next = 0
    // One event a turn of the event loop, so that each of them is sent by itself.
    const stream = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise(setImmediate)
        controller.enqueue(events[next++] as Uint8Array)
        if (next === events.length) controller.close()
      },
    })
    return new Response(stream, { headers: { 'Content-Type': 'text/event-stream' } })
  }

  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    // A proxy may not find its idle connections closed just when it needs them.
    idleTimeout: 255,
    routes: {
      '/large-response': respondLarge,
      '/v1/large-response': respondLarge,
      '/large-request': readLarge,
      '/v1/large-request': readLarge,
      '/transcribe': transcribe,
      '/v1/stt/transcribe': transcribe,
      '/v1/chat/completions': chat,
    },
    fetch: () => new Response(small, json),
  })
  console.log(server.url.origin)
}
