/**
 * Relays a response body and withholds its tail until the call is charged.
 *
 * A small body is read whole, so that its head can still carry the charge. Of a larger one the last piece waits: it
 * leaves only after `onEnd` has resolved, which is when the charge is durable. Memory stays flat: one piece is kept, and
 * the upstream is read no faster than the client reads. While the client does not read, the upstream's clock stands still.
 */
import type { TerminatedBy } from '../../ledger/append/call-commands.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'

export type Start = { readonly kind: 'whole'; readonly bytes: Uint8Array } | LongStart

/** What was read of a body that is longer, and the reader of the rest. */
export interface LongStart {
  readonly kind: 'longer'
  readonly pieces: Uint8Array[]
  readonly rest: Reader
}

type Reader = ReadableStreamDefaultReader<Uint8Array>

/** Reads a body to its end, or to the first piece beyond `maxBytes`. Throws what the stream throws. */
export async function readBeginning(response: Response, maxBytes: number): Promise<Start> {
  const { headers } = response
  // Beside a Transfer-Encoding an announced length means nothing.
  const announced = headers.has('transfer-encoding') ? null : headers.get('content-length')
  if (announced !== null && Number(announced) <= maxBytes) {
    return { kind: 'whole', bytes: await response.bytes() }
  }
  if (!response.body) return { kind: 'whole', bytes: new Uint8Array() }
  const rest = response.body.getReader() as Reader
  const pieces: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await readPiece(rest)
    if (done) return { kind: 'whole', bytes: Buffer.concat(pieces) }
    pieces.push(value)
    size += value.length
    if (size > maxBytes) return { kind: 'longer', pieces, rest }
  }
}

/** The next piece that holds anything: withholding an empty one would withhold nothing. */
async function readPiece(reader: Reader) {
  for (;;) {
    const read = await reader.read()
    if (read.done || read.value.length > 0) return read
  }
}

/** What ends a body before its end, and is not the upstream. */
type EndedBy = Extract<TerminatedBy, 'client' | 'hold'>

/** A body ends in one of these ways, once. */
interface StreamEnds {
  /** Called at once. What it is given ends the response before its end. */
  onStart(endEarly: (by: EndedBy) => Promise<void>): void
  /**
   * The upstream has sent everything. Resolves when the charge is durable; throws when it cannot be.
   * @returns asked at the last moment before the last piece leaves: whether it still may
   */
  onEnd(): Promise<() => boolean>
  /**
   * The client sees a broken body: the upstream broke off or, once it had sent everything, the charge failed.
   * @param wasUnderWay the upstream broke off, and something had been sent by then
   */
  onFailure(error: unknown, wasUnderWay: boolean): Promise<void>
  /** The client left, or the response was ended, before the upstream had sent everything. */
  onEndedEarly(by: EndedBy): Promise<void>
}

/** Nothing is read in advance: what is asked before a piece leaves is asked when the client takes it. */
export const readOnDemand = { highWaterMark: 0 }

/** The body for the client. Its last piece leaves after `onEnd` has resolved. */
export function withholdTail(
  { pieces: ready, rest }: LongStart,
  clock: UpstreamClock,
  ends: StreamEnds,
): ReadableStream<Uint8Array> {
  /** Sent when another piece comes behind it, or when the call is charged. */
  let withheld = ready.pop() as Uint8Array
  /** The upstream has ended, well or badly: how the call ends is decided. */
  let hasEnded = false
  let hasLeft = false
  let hasSent = false

  async function fail(
    controller: ReadableStreamDefaultController<Uint8Array>,
    error: unknown,
  ): Promise<void> {
    // A client who left has decided how the call ends, whatever the upstream does then.
    if (hasLeft && !hasEnded) return
    const wasUnderWay = hasSent && !hasEnded
    hasEnded = true
    await ends.onFailure(error, wasUnderWay)
    // Without the error, which is in the log: the server would print it once more.
    if (!hasLeft) controller.error()
  }

  async function endEarly(by: EndedBy): Promise<void> {
    if (hasLeft) return
    hasLeft = true
    if (!hasEnded) await Promise.allSettled([rest.cancel(), ends.onEndedEarly(by)])
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        ends.onStart(async (by) => {
          if (hasLeft || hasEnded) return
          await endEarly(by)
          controller.error()
        })
      },
      async pull(controller) {
        clock.resume()
        try {
          const first = ready.shift()
          if (first) {
            hasSent = true
            return controller.enqueue(first)
          }
          const { done, value } = await readPiece(rest)
          if (hasLeft) return
          if (!done) {
            hasSent = true
            controller.enqueue(withheld)
            withheld = value
            return
          }
          hasEnded = true
          const mayLeave = await ends.onEnd()
          // Of a client who left just now, it counts that the last piece was ready in time.
          if (!mayLeave()) return controller.error()
          if (hasLeft) return
          controller.enqueue(withheld)
          controller.close()
        } catch (error) {
          await fail(controller, error)
        } finally {
          clock.pause()
        }
      },
      cancel: () => endEarly('client'),
    },
    readOnDemand,
  )
}
