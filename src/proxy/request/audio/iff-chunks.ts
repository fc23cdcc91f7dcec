/** The chunks of a RIFF or IFF file, which are the parts of WAV and AIFF. */
import { textAt, viewOf } from './counted.ts'

interface Chunk {
  readonly id: string
  readonly begin: number
  /** As its header says. */
  readonly size: number
  /** How much of that the file has. */
  readonly present: number
}

/** No file has so many: what follows is taken for none. */
const maxChunks = 10_000

/** The chunks in their order. What stands behind them and is none comes last, with an empty id. */
export function* chunksOf(bytes: Uint8Array, littleEndian: boolean): Generator<Chunk> {
  const view = viewOf(bytes)
  let chunks = 0
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = textAt(bytes, at, 4)
    if (!/^[ -~]{4}$/.test(id) || ++chunks > maxChunks) {
      const size = bytes.length - at
      yield { id: '', begin: at, size, present: size }
      return
    }
    const size = view.getUint32(at + 4, littleEndian)
    const begin = at + 8
    yield { id, begin, size, present: Math.min(size, bytes.length - begin) }
    at = begin + size + (size % 2)
  }
}
