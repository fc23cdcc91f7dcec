/**
 * Relay, hold back the end, settle when the service has ended, send the end.
 *
 * A small body is held back whole, so that its head can still carry what was charged. Of a larger one
 * the last piece waits: it leaves only after `atEnd` has resolved, which is when the charge is durable.
 * Memory stays flat: one piece is kept, and the service is read no faster than the caller reads.
 */

export type Start =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array }
  | { readonly kind: 'longer'; readonly pieces: Uint8Array[]; readonly rest: Reader }

type Reader = ReadableStreamDefaultReader<Uint8Array>

/** Reads a body to its end, or to the first piece beyond `mostBytes`. Throws what the stream throws. */
export async function readStart(response: Response, mostBytes: number): Promise<Start> {
  const announced = Number(response.headers.get('content-length') ?? Number.NaN)
  if (announced <= mostBytes) return { kind: 'whole', bytes: await response.bytes() }
  if (!response.body) return { kind: 'whole', bytes: new Uint8Array() }
  const rest = response.body.getReader() as Reader
  const pieces: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = await rest.read()
    if (done) return { kind: 'whole', bytes: Buffer.concat(pieces) }
    pieces.push(value)
    size += value.length
    if (size > mostBytes) return { kind: 'longer', pieces, rest }
  }
}

export interface StreamEnds {
  /** The service has sent everything. Resolves when the charge is durable; throws when it cannot be. */
  atEnd(): Promise<void>
  /** The service broke off, or the charge was refused: the caller sees a broken body. */
  atFailure(error: unknown): Promise<void>
  /** The caller left. */
  atCancel(): Promise<void>
}

/** The body for the caller, its last piece held back until `atEnd` has resolved. */
export function heldBack(
  { pieces, rest }: Extract<Start, { kind: 'longer' }>,
  ends: StreamEnds,
): ReadableStream<Uint8Array> {
  // The piece that waits: sent when there is another one behind it, or when the end is settled.
  let waiting = pieces.pop() as Uint8Array
  const ready = pieces
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const first = ready.shift()
      if (first) return controller.enqueue(first)
      try {
        const { done, value } = await rest.read()
        if (!done) {
          controller.enqueue(waiting)
          waiting = value
          return
        }
        await ends.atEnd()
        controller.enqueue(waiting)
        controller.close()
      } catch (error) {
        await ends.atFailure(error)
        controller.error(error)
      }
    },
    async cancel() {
      await Promise.allSettled([rest.cancel(), ends.atCancel()])
    },
  })
}
