/**
 * A request's body in memory, never more of it than allowed: a length that is announced is compared
 * before anything is read, a stream is cut where it exceeds.
 */
import type { InvalidField } from '../config/json-schema.ts'

/** A body that is not taken. The status is 400, 413 or 415; `errors` say what and where. */
export interface BodyRefusal {
  readonly status: 400 | 413 | 415
  readonly errors: readonly InvalidField[]
}

export interface Refused {
  readonly refusal: BodyRefusal
}

export function refuse(status: BodyRefusal['status'], detail: string, pointer = ''): Refused {
  return { refusal: { status, errors: [{ pointer, detail }] } }
}

/** The body's bytes as they were sent, or why they are not taken. */
export async function readBody(
  request: Request,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array } | Refused> {
  const tooLarge = refuse(413, `The body is larger than ${maxBytes} bytes`)
  // What is validated and priced must be what the service reads, so it is not sent in disguise.
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.trim().toLowerCase() !== 'identity') {
    return refuse(415, 'A body with a Content-Encoding is not accepted')
  }
  if (Number(request.headers.get('content-length')) > maxBytes) return tooLarge
  try {
    const bytes = await readUpTo(request, maxBytes)
    return bytes === undefined ? tooLarge : { bytes }
  } catch {
    return refuse(400, 'The body broke off')
  }
}

async function readUpTo(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  // An announced length binds the server's parser, which then reads faster than a stream does.
  if (request.headers.has('content-length') && !request.headers.has('transfer-encoding')) {
    const bytes = await request.bytes()
    return bytes.length > maxBytes ? undefined : bytes
  }
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the stream.
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}
