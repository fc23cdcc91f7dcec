/**
 * Vorbis I: a packet has a long or a short block, by its mode, and the sound of two neighbours is half of each. The modes stand
 * at the end of the setup header, whose other parts are long to read; so it is read from its end.
 */
import { viewOf } from './counted.ts'

/** The seconds that a packet adds to those before it. */
type CountVorbis = (packet: Uint8Array) => number

/**
 * @param identification the first header
 * @param setup the third
 * @returns undefined where the headers are none
 */
export function vorbisCounter(
  identification: Uint8Array,
  setup: Uint8Array,
): CountVorbis | undefined {
  if (identification.length < 29) return undefined
  const rate = viewOf(identification).getUint32(12, true)
  const sizes = identification[28] ?? 0
  const [short, long] = [2 ** (sizes & 15), 2 ** (sizes >> 4)]
  const modes = modesIn(setup)
  if (modes === undefined || rate === 0) return undefined
  const modeBits = Math.ceil(Math.log2(modes.length))
  let before = 0
  return ([head = 1]) => {
    // A packet of another type has no sound.
    if ((head & 1) === 1) return 0
    const isLong = modes[(head >> 1) & (2 ** modeBits - 1)] ?? true
    const size = isLong ? long : short
    const samples = before === 0 ? 0 : before / 4 + size / 4
    before = size
    return samples / rate
  }
}

/**
 * For each mode whether its blocks are long. From its end backwards the header has a 1, and then for each mode, the last one first,
 * eight bits of a mapping (below 64), 32 zeros and the bit that is sought. Six bits with their number stand before them.
 */
function modesIn(setup: Uint8Array): boolean[] | undefined {
  const bits = setup.length * 8
  let read = 0
  /** The next bits from the end, as a number. */
  const back = (count: number, from: number) => {
    let value = 0
    for (let at = from; at < from + count; at++) {
      const index = bits - 1 - at
      value = value * 2 + (((setup[index >> 3] ?? 0) >> (index & 7)) & 1)
    }
    return value
  }
  while (read < bits && back(1, read) === 0) read++
  read++
  const modes: boolean[] = []
  let found: boolean[] | undefined
  while (modes.length < 64 && bits - read >= 97) {
    if (back(8, read) > 63 || back(32, read + 8) !== 0) break
    modes.unshift(back(1, read + 40) === 1)
    read += 41
    if (back(6, read) + 1 === modes.length) found = [...modes]
  }
  return found
}
