/** The calls that are measured: what is sent, to which path. What comes back is in upstream.ts. */
import { wavHeader } from '../../src/demo/wav.ts'
import { largeBytes } from './upstream.ts'

export interface Shape {
  readonly name: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer>
}

const json = { 'Content-Type': 'application/json' }

/** A small request, 463 bytes of JSON back. */
export const search: Shape = {
  name: 'small JSON',
  path: '/v1/search',
  headers: json,
  body: JSON.stringify({ query: 'how much is a call' }),
}

export const largeResponse: Shape = {
  name: '100 kB response',
  path: '/v1/large-response',
  headers: json,
  body: JSON.stringify({ documents: [] }),
}

export const largeRequest: Shape = {
  name: '100 kB request',
  path: '/v1/large-request',
  headers: json,
  body: documents(largeBytes),
}

/** Three seconds of silence. */
export const upload: Shape = {
  name: 'multipart upload of 96 kB',
  path: '/v1/stt/transcribe',
  headers: { 'Content-Type': 'multipart/form-data; boundary=bench' },
  body: form(3),
}

export const eventStream: Shape = {
  name: 'SSE, 100 tokens',
  path: '/v1/chat/completions',
  headers: json,
  body: JSON.stringify({
    model: 'bench',
    messages: [{ role: 'user', content: 'Say honey a hundred times.' }],
    max_tokens: 100,
    stream: true,
  }),
}

/** A small chat call, with a response in one piece. @param more headers, for who wants to be told more than the call */
export function chatOf(more: Readonly<Record<string, string>>): Shape {
  return {
    name: 'chat',
    path: '/v1/chat/completions',
    headers: { ...json, ...more },
    body: JSON.stringify({
      model: 'bench',
      messages: [{ role: 'user', content: 'Say honey.' }],
      max_tokens: 100,
    }),
  }
}

/** JSON of exactly this many bytes: a list of texts of a kilobyte, and a last one. */
function documents(bytes: number): string {
  const texts = Array.from({ length: Math.floor(bytes / 1_003) - 1 }, () => 'x'.repeat(1_000))
  const withLast = (last: string) => JSON.stringify({ documents: [...texts, last] })
  return withLast('x'.repeat(bytes - withLast('').length))
}

function form(seconds: number): Uint8Array<ArrayBuffer> {
  const rate = 16_000
  const head =
    '--bench\r\nContent-Disposition: form-data; name="file"; filename="silence.wav"\r\n' +
    'Content-Type: audio/wav\r\n\r\n'
  return Buffer.concat([
    Buffer.from(head),
    wavHeader(seconds * rate, rate),
    Buffer.alloc(seconds * rate * 2),
    Buffer.from('\r\n--bench--\r\n'),
  ])
}
