/**
 * Begins a relayed response: its head leaves whole, with the first piece of its body behind it. Left to itself, the
 * server sends the status and the headers at once, and how the body is framed only with the first piece. Of a gateway
 * that dies in between, some clients would take what arrived for a whole response with an empty body.
 */
import type { ReceivedCall } from '../call.ts'
import { brokenOff, type CallResponse } from './responses.ts'

type Reader = ReadableStreamDefaultReader<Uint8Array>

/**
 * Resolves when the body's first piece is there. A client who leaves meanwhile cancels the body, as one who leaves
 * later does. Of a response that breaks off before its first piece, nothing has been sent: it becomes a refusal.
 */
export async function beginRelay(call: ReceivedCall, relayed: CallResponse): Promise<CallResponse> {
  const { body, status, headers } = relayed.response
  if (!body) return relayed
  const reader = body.getReader() as Reader
  const startedAtMs = performance.now()
  try {
    const first = await readFirst(call.request.signal, reader)
    const response = new Response(first && bodyFrom(first, reader), { status, headers })
    return { ...relayed, response }
  } catch {
    return { ...relayed, ...brokenOff(call) }
  } finally {
    call.upstreamMs += performance.now() - startedAtMs
  }
}

/** undefined: the body is empty, or the client left. */
async function readFirst(left: AbortSignal, reader: Reader): Promise<Uint8Array | undefined> {
  const cancel = () => void reader.cancel()
  if (left.aborted) cancel()
  left.addEventListener('abort', cancel)
  try {
    return (await reader.read()).value
  } finally {
    left.removeEventListener('abort', cancel)
  }
}

/** Of a direct stream, the server sends what `pull` writes before it first waits in one piece with the head. */
function bodyFrom(first: Uint8Array, reader: Reader): ReadableStream {
  const source: Bun.DirectUnderlyingSource = {
    type: 'direct',
    async pull(controller) {
      for (let piece: Uint8Array | undefined = first; piece; piece = (await reader.read()).value) {
        controller.write(piece as Uint8Array<ArrayBuffer>)
        // Resolves when the client has room for more.
        await controller.flush(true)
      }
      controller.close()
    },
    cancel: () => reader.cancel(),
  }
  return new ReadableStream(source as unknown as UnderlyingDefaultSource<Uint8Array>)
}
