/**
 * Reads the body of a request into memory, within limits of size and time. A length that is announced is
 * compared before anything is read, a stream is given up where it exceeds its limit, and so is one that
 * arrives too slowly.
 */
import pTimeout from 'p-timeout'
import { deadline } from './deadline.ts'

/**
 * Why a body is not taken: it has a Content-Encoding, it is too large or too slow, other bodies fill the
 * memory there is for them, or its sender left.
 */
export type BodyFault = 'encoded' | 'too_large' | 'too_slow' | 'no_room' | 'broke_off'

export interface BodyLimits {
  readonly maxBytes: number
  /** How long any body may take; its length, as it is announced or arrives, adds to this (`bytesPerSecond`). */
  readonly maxSeconds: number
  /** Takes memory for more of a body that is not small, or returns false; absent: there is always memory. */
  readonly take?: (bytes: number) => boolean
  /** Says how long to wait for so much of a body that is not small, in milliseconds; absent: not at all. */
  readonly waitAfter?: (bytes: number) => number
}

/** A sender that is at least as fast as this is never too slow. */
export const bytesPerSecond = 65_536
/** Up to this length a body is small: no memory is taken for it, and its sender has no pace. */
export const maxUncountedBytes = 65_536
/** Up to this announced length the server's parser collects the body, which costs half of what a stream does. */
const maxCollectedBytes = 262_144

/** The bytes as they were sent, or why they are not taken. After `too_slow` the connection must be closed. */
export async function readBody(
  request: Request,
  limits: BodyLimits,
): Promise<Uint8Array | BodyFault> {
  const fault = announcedFault(request, limits)
  if (fault !== undefined) return fault
  const expected = Number(request.headers.get('content-length') ?? Number.POSITIVE_INFINITY)
  try {
    return await (expected <= maxCollectedBytes && !request.headers.has('transfer-encoding')
      ? readCollected(request, expected, limits)
      : readStream(request, limits))
  } catch {
    return 'broke_off'
  }
}

/** Why a body is not taken whatever it turns out to be, by what its headers say. */
export function announcedFault(
  { headers }: Request,
  { maxBytes }: BodyLimits,
): 'encoded' | 'too_large' | undefined {
  // The upstream must read what the gateway validated and priced, and a small body must stay small.
  const encoding = headers.get('content-encoding')
  if (encoding !== null && encoding.trim().toLowerCase() !== 'identity') return 'encoded'
  const announced = headers.get('content-length')
  // The comparison is also false for a length that is no number.
  return announced !== null && !(Number(announced) <= maxBytes) ? 'too_large' : undefined
}

async function readCollected(
  request: Request,
  expected: number,
  { maxBytes, maxSeconds, take = () => true, waitAfter = () => 0 }: BodyLimits,
): Promise<Uint8Array | BodyFault> {
  let maxMs = maxSeconds * 1_000
  if (expected > maxUncountedBytes) {
    if (!take(expected)) return 'no_room'
    const waitMs = waitAfter(expected)
    if (waitMs > 0) await Bun.sleep(waitMs)
    // In whole seconds, so that bodies of many lengths share a timer.
    maxMs += Math.ceil(expected / bytesPerSecond) * 1_000
  }
  const bytes = await collected(request, maxMs)
  // The announced length bounds the body; if a server does not enforce it, the limit still does.
  return bytes !== 'too_slow' && bytes.length > maxBytes ? 'too_large' : bytes
}

function collected(request: Request, maxMs: number): Promise<Uint8Array | 'too_slow'> {
  return new Promise((resolve, reject) => {
    const isOver = () => resolve('too_slow')
    const timer = deadline(maxMs)
    timer.add(isOver)
    request.bytes().then(
      (bytes) => {
        timer.delete(isOver)
        resolve(bytes)
      },
      (error) => {
        timer.delete(isOver)
        reject(error)
      },
    )
  })
}

async function readStream(
  { body }: Request,
  { maxBytes, maxSeconds, take = () => true, waitAfter = () => 0 }: BodyLimits,
): Promise<Uint8Array | BodyFault> {
  if (body === null) return new Uint8Array()
  /** Without the waits that its sender is not to blame for. */
  let startedAtMs = performance.now()
  const reader = body.getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  /** The cancellation is not awaited: a stream whose sender is silent never ends. */
  const giveUp = (fault: BodyFault) => {
    void reader.cancel().catch(() => {})
    return fault
  }
  for (;;) {
    const allowedMs = (maxSeconds + length / bytesPerSecond) * 1_000
    const leftMs = startedAtMs + allowedMs - performance.now()
    const next = leftMs > 0 ? await orTooSlow(leftMs, reader.read()) : 'too_slow'
    if (next === 'too_slow') return giveUp(next)
    if (next.done) return joined(chunks, length)
    length += next.value.length
    if (length > maxBytes) return giveUp('too_large')
    if (!take(next.value.length)) return giveUp('no_room')
    chunks.push(next.value)
    const waitMs = waitAfter(next.value.length)
    if (waitMs <= 0) continue
    const waitsSinceMs = performance.now()
    await Bun.sleep(waitMs)
    startedAtMs += performance.now() - waitsSinceMs
  }
}

/** Up to so many bytes are copied in one turn of the event loop; then others have theirs. */
const maxCopiedAtOnce = 1_048_576

async function joined(chunks: readonly Uint8Array[], length: number): Promise<Uint8Array> {
  if (length <= maxCopiedAtOnce) return Buffer.concat(chunks, length)
  const whole = Buffer.allocUnsafeSlow(length)
  let at = 0
  let copied = 0
  for (const chunk of chunks) {
    if (copied >= maxCopiedAtOnce) {
      copied = 0
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    whole.set(chunk, at)
    at += chunk.length
    copied += chunk.length
  }
  return whole
}

const tooSlow = () => 'too_slow' as const

/** The promise's value, if it comes in time. */
function orTooSlow<T>(milliseconds: number, promise: Promise<T>): Promise<T | 'too_slow'> {
  return pTimeout(promise, { milliseconds, fallback: tooSlow })
}
