/** Cuts a response into the parts that are counted and sent one by one. */
import { eventSplitter } from './event-stream.ts'

/** A response in parts. */
export interface Parts {
  /** The next part, or undefined at the end. Throws when the upstream breaks off. */
  next(): Promise<Uint8Array | undefined>
  /** Stops reading from the upstream. */
  cancel(): Promise<void>
}

const maxEventBytes = 4 * 1024 * 1024

/** @param kind events, or pieces of at most so many bytes */
export function partsOf(body: ReadableStream<Uint8Array>, kind: 'events' | number): Parts {
  const reader = body.getReader()
  const split = kind === 'events' ? splitEvents() : splitPieces(kind)
  const ready: Uint8Array[] = []
  let ended = false
  return {
    async next() {
      while (ready.length === 0 && !ended) {
        const { done, value } = await reader.read()
        ended = done
        // What comes after the last whole event is a part too.
        for (const part of value ? split.push(value) : [split.rest()]) {
          if (part.length > 0) ready.push(part)
        }
      }
      return ready.shift()
    },
    cancel: () => reader.cancel(),
  }
}

const splitEvents = () => eventSplitter(maxEventBytes)

function splitPieces(maxBytes: number) {
  return {
    push(bytes: Uint8Array): Uint8Array[] {
      const pieces: Uint8Array[] = []
      for (let at = 0; at < bytes.length; at += maxBytes)
        pieces.push(bytes.subarray(at, at + maxBytes))
      return pieces
    },
    rest: () => new Uint8Array(),
  }
}
