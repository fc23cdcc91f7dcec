/**
 * A request's body in memory, never more of it than allowed, and never for longer: a length that is
 * announced is compared before anything is read, a stream is cut where it exceeds, and who dribbles is
 * given up on.
 */

/** Why a body is not taken: a Content-Encoding, its size, its pace, that others fill the room, or that its sender left. */
export type BodyFault = 'encoded' | 'too_large' | 'too_slow' | 'no_room' | 'broke_off'

export interface BodyLimits {
  readonly bytes: number
  /** How long any body may take, beyond the time for what has arrived of it. */
  readonly seconds: number
  /** Whether there is room for more of a body that is not small; absent: always. */
  readonly take?: (bytes: number) => boolean
}

/** Time for what has arrived: whoever is at least as fast is never too slow. */
const bytesPerSecond = 65_536
/** Up to here the server's parser collects the body, which is quicker than a stream. */
const collectedBytes = 65_536

/** The bytes as they were sent, or why they are not taken. After `too_slow` the connection must be closed. */
export async function readBody(
  request: Request,
  limits: BodyLimits,
): Promise<Uint8Array | BodyFault> {
  // What is validated and priced must be what the service reads, and what is small must stay small.
  const encoding = request.headers.get('content-encoding')
  if (encoding !== null && encoding.trim().toLowerCase() !== 'identity') return 'encoded'
  const announced = request.headers.get('content-length')
  const expected = Number(announced ?? Number.POSITIVE_INFINITY)
  // A length that is no number exceeds every limit.
  if (announced !== null && !(expected <= limits.bytes)) return 'too_large'
  try {
    return await (expected <= collectedBytes && !request.headers.has('transfer-encoding')
      ? collected(request, limits)
      : streamed(request, limits))
  } catch {
    return 'broke_off'
  }
}

async function collected(request: Request, limits: BodyLimits): Promise<Uint8Array | BodyFault> {
  const bytes = await withinMs(limits.seconds * 1_000, request.bytes())
  // Bound by its announced length: where a server does not hold it to that, the limit still does.
  return bytes !== 'too_slow' && bytes.length > limits.bytes ? 'too_large' : bytes
}

async function streamed(
  { body }: Request,
  { bytes, seconds, take = () => true }: BodyLimits,
): Promise<Uint8Array | BodyFault> {
  if (body === null) return new Uint8Array()
  const startedAtMs = performance.now()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  /** Nobody waits for the end of it: a stream whose sender is silent has none. */
  const giveUp = (fault: BodyFault) => {
    void reader.cancel().catch(() => {})
    return fault
  }
  for (;;) {
    const allowedMs = (seconds + length / bytesPerSecond) * 1_000
    const leftMs = startedAtMs + allowedMs - performance.now()
    const next = leftMs > 0 ? await withinMs(leftMs, reader.read()) : 'too_slow'
    if (next === 'too_slow') return giveUp(next)
    if (next.done) return Buffer.concat(chunks, length)
    length += next.value.length
    if (length > bytes) return giveUp('too_large')
    if (!take(next.value.length)) return giveUp('no_room')
    chunks.push(next.value)
  }
}

/** What the promise resolves with, if that is in time; if it fails too late, nobody hears of it. */
async function withinMs<T>(ms: number, promise: Promise<T>): Promise<T | 'too_slow'> {
  const { promise: late, resolve } = Promise.withResolvers<'too_slow'>()
  const timer = setTimeout(resolve, ms, 'too_slow')
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
