/**
 * A request's body in memory, never more of it than allowed, and never for longer: a length that is
 * announced is compared before anything is read, a stream is cut where it exceeds, and who dribbles is
 * given up on.
 */

/** Why a body is not taken: a Content-Encoding, its size, its pace, or that its sender left. */
export type BodyFault = 'encoded' | 'too_large' | 'too_slow' | 'broke_off'

export interface BodyLimits {
  readonly bytes: number
  /** For any body; one that announces more than a little gets time for it too. */
  readonly seconds: number
}

/** At this pace a body may arrive beyond the time that every body has. */
const bytesPerSecond = 65_536

/** The bytes as they were sent, or why they are not taken. After `too_slow` the connection must be closed. */
export async function readBody(
  request: Request,
  limits: BodyLimits,
): Promise<Uint8Array | BodyFault> {
  // What is validated and priced must be what the service reads, and what is small must stay small.
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.trim().toLowerCase() !== 'identity') return 'encoded'
  const announced = request.headers.get('content-length')
  const expected = announced === null ? limits.bytes : Number(announced)
  // A length that is no number exceeds every limit.
  if (!(expected <= limits.bytes)) return 'too_large'

  const { promise: late, resolve } = Promise.withResolvers<'too_slow'>()
  const withinMs = (limits.seconds + expected / bytesPerSecond) * 1_000
  const timer = setTimeout(resolve, withinMs, 'too_slow')
  try {
    return await Promise.race([readUpTo(request, limits.bytes), late])
  } catch {
    return 'broke_off'
  } finally {
    clearTimeout(timer)
  }
}

async function readUpTo(request: Request, maxBytes: number): Promise<Uint8Array | 'too_large'> {
  // An announced length binds the server's parser, which then reads faster than a stream does.
  if (request.headers.has('content-length') && !request.headers.has('transfer-encoding')) {
    const bytes = await request.bytes()
    return bytes.length > maxBytes ? 'too_large' : bytes
  }
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the stream.
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) return 'too_large'
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}
