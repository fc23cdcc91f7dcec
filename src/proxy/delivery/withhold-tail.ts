/**
 * Relay, hold back the end, settle when the service has ended, send the end.
 *
 * A small body is held back whole, so that its head can still carry what was charged. Of a larger one
 * the last piece waits: it leaves only after `atEnd` has resolved, which is when the charge is durable.
 * Memory stays flat: one piece is kept, and the service is read no faster than the client reads.
 */

export type Start =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  | { readonly kind: 'longer'; readonly pieces: Uint8Array[]; readonly rest: Reader }

type Reader = ReadableStreamDefaultReader<Uint8Array>

/** Reads a body to its end, or to the first piece beyond `mostBytes`. Throws what the stream throws. */
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

/** The next piece that holds anything: an empty one, held back, would hold nothing back. */
async function readPiece(reader: Reader) {
  for (;;) {
    const read = await reader.read()
    if (read.done || read.value.length > 0) return read
  }
}

/** A body ends in one of these ways, once. */
export interface StreamEnds {
  /** The service has sent everything. Resolves when the charge is durable; throws when it cannot be. */
  atEnd(): Promise<void>
  /**
   * The service broke off, or the charge was refused: the client sees a broken body.
   * @param unreadMs for how long nothing was asked of the service, since the client did not read
   */
  atFailure(error: unknown, unreadMs: number): Promise<void>
  /** The client left before the service had sent everything. */
  atCancel(): Promise<void>
}

/** The body for the client, its last piece held back until `atEnd` has resolved. */
export function withholdTail(
  { pieces, rest }: Extract<Start, { kind: 'longer' }>,
  ends: StreamEnds,
): ReadableStream<Uint8Array> {
  // The piece that waits: sent when there is another one behind it, or when the end is settled.
  let waiting = pieces.pop() as Uint8Array
  const ready = pieces
  // The service's part is over, well or badly: what becomes of the hold is decided.
  let ended = false
  let left = false
  let unreadMs = 0
  let sentAtMs = performance.now()

  async function fail(
    controller: ReadableStreamDefaultController<Uint8Array>,
    error: unknown,
  ): Promise<void> {
    // A client who left has decided it, and how the service ends then is of no interest.
    if (left && !ended) return
    ended = true
    await ends.atFailure(error, unreadMs)
    // Without the error, which is in the log: the server would print it once more.
    if (!left) controller.error()
  }

  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      unreadMs += performance.now() - sentAtMs
      try {
        const first = ready.shift()
        if (first) return controller.enqueue(first)
        const { done, value } = await readPiece(rest)
        if (left) return
        if (!done) {
          controller.enqueue(waiting)
          waiting = value
          return
        }
        ended = true
        await ends.atEnd()
        if (left) return
        controller.enqueue(waiting)
        controller.close()
      } catch (error) {
        await fail(controller, error)
      } finally {
        sentAtMs = performance.now()
      }
    },
    async cancel() {
      left = true
      if (!ended) await Promise.allSettled([rest.cancel(), ends.atCancel()])
    },
  })
}
