/** The kinds of call that the load is made of, and what each is worth by the response that arrived. */
import { wavHeader } from '../../src/demo/wav.ts'
import type { Random } from './random.ts'

export interface CallKind {
  readonly name: string
  /** Its endpoint in the ledger. */
  readonly endpoint: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Absent for a GET. `callId` names the call, to be found again by `callIn`. */
  body?(
    callId: string,
    random: Random,
  ): { readonly bytes: Uint8Array; readonly contentType: string }
  /** The credits that a whole 2xx response is worth, by its body; absent for what costs nothing. */
  readonly worth?: (response: Buffer) => number | undefined
  /** The credits that the arrived part of a response is worth, where the response is metered while it is sent. */
  readonly arrived?: (response: Buffer) => number
}

/** The call's name, wherever it stands in a body. */
export function callIn(body: string): string | undefined {
  return /call-\w+-\d+/.exec(body)?.[0]
}

export const search: CallKind = {
  ...{ name: 'search', endpoint: 'search', method: 'POST', path: '/v1/search' },
  body: (callId) => json({ query: callId }),
  worth: () => 1,
}

export const extract: CallKind = {
  ...{ name: 'extract', endpoint: 'extract', method: 'POST', path: '/v1/extract' },
  body: (callId) => json({ url: `https://pages.example/${callId}` }),
  worth: (response) => (JSON.parse(response.toString()).success ? 1 : 0),
}

export const bulk: CallKind = {
  ...{ name: 'bulk', endpoint: 'extract-bulk', method: 'POST', path: '/v1/extract/bulk' },
  body(callId, random) {
    const pages = Array.from({ length: random.int(1, 20) }, (_, page) => page)
    return json({ urls: pages.map((page) => `https://pages.example/${callId}/${page}`) })
  },
  worth(response) {
    const { results } = JSON.parse(response.toString()) as { results: { success: boolean }[] }
    return results.filter(({ success }) => success).length
  },
}

export const speech: CallKind = {
  ...{ name: 'speech', endpoint: 'tts-synthesize', method: 'POST', path: '/v1/tts/synthesize' },
  body: (callId) => json({ text: `${callId}. ${'Good morning. '.repeat(100)}` }),
  worth: () => 2,
}

/** Longer than what is held back whole: its last piece waits for the charge. */
export const longSpeech: CallKind = {
  ...speech,
  name: 'long speech',
  body: (callId) => json({ text: `Say at length: ${callId}.` }),
  worth: () => 1,
}

/** More than the buffers of all connections hold: a client that does not read holds it up. */
export const hugeSpeech: CallKind = {
  ...longSpeech,
  name: 'huge speech',
  body: (callId) => json({ text: `Say at great length: ${callId}.` }),
}

export const transcription: CallKind = {
  ...{ name: 'transcription', endpoint: 'stt-transcribe', method: 'POST' },
  path: '/v1/stt/transcribe',
  body(callId) {
    const samples = 8_000
    const audio = Buffer.concat([wavHeader(samples, 8_000), new Uint8Array(samples * 2)])
    const boundary = 'a-boundary-of-the-harness'
    const part = (head: string, content: Uint8Array | string) =>
      Buffer.concat([
        Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${head}\r\n\r\n`),
        Buffer.from(content as string),
        Buffer.from('\r\n'),
      ])
    const file = `name="file"; filename="${callId}.wav"\r\nContent-Type: audio/wav`
    const parts = [part('name="model"', callId), part(file, audio)]
    const bytes = Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)])
    return { bytes, contentType: `multipart/form-data; boundary=${boundary}` }
  },
  worth: () => 10,
}

/** Its response comes event by event and is priced by the token: its hold grows meanwhile, and its usage comes last. */
export const chat: CallKind = {
  ...{ name: 'chat', endpoint: 'chat', method: 'POST', path: '/v1/chat/completions' },
  body: (callId) =>
    json({ model: 'm', messages: [{ role: 'user', content: callId }], stream: true }),
  worth(response) {
    const usage = /"total_tokens":(\d+)/.exec(response.toString())?.[1]
    return usage === undefined ? undefined : Number(usage)
  },
  arrived: (response) => response.toString().split('"content"').length - 1,
}

/** Costs nothing, and is forwarded. */
export const engines: CallKind = {
  ...{ name: 'engines', endpoint: 'search-engines', method: 'GET', path: '/v1/search/engines' },
}

/** Costs nothing, and the gateway itself responds. */
export const languages: CallKind = {
  ...{ name: 'languages', endpoint: 'tts-languages', method: 'GET', path: '/v1/tts/languages' },
}

/** As often as it stands here. */
export const mixture: readonly CallKind[] = [
  ...Array(9).fill(search),
  ...[extract, extract, bulk, bulk, bulk, speech, speech],
  ...[longSpeech, longSpeech, chat, chat, chat, transcription, engines, languages],
]

function json(value: unknown): { bytes: Uint8Array; contentType: string } {
  return { bytes: Buffer.from(JSON.stringify(value)), contentType: 'application/json' }
}
