/** AIFF and AIFF-C: how long the bytes of its `SSND` last by its `COMM`. */
import { type Counted, countedAs, textAt, viewOf } from './counted.ts'
import { chunksOf } from './iff-chunks.ts'

interface Format {
  readonly codec: string
  readonly channels: number
  readonly bits: number
  readonly rate: number
}

export function countAiff(bytes: Uint8Array): Counted {
  let format: Format | undefined
  let formats = 0
  let soundBytes = 0
  for (const { id, begin, present } of chunksOf(bytes, false)) {
    if (id === 'COMM') formats++
    if (id === 'COMM' && present >= 18) format = formatAt(bytes, begin, present)
    // An offset and a block size stand before the sound.
    if (id === 'SSND') soundBytes += Math.max(present - 8, 0)
    if (id === '' && soundBytes > 0) soundBytes += present
  }
  // Readers differ in which format holds, where there are two.
  if (format === undefined || formats > 1) return { container: 'AIFF' }
  const { codec, channels, bits, rate } = format
  return countedAs('AIFF', soundBytes / (channels * bytesPerSample(codec, bits)) / rate)
}

function formatAt(bytes: Uint8Array, at: number, size: number): Format {
  const view = viewOf(bytes)
  const isCompressed = textAt(bytes, 8, 4) === 'AIFC' && size >= 22
  return {
    codec: isCompressed ? textAt(bytes, at + 18, 4) : 'NONE',
    channels: view.getUint16(at),
    bits: view.getUint16(at + 6),
    rate: extended(view, at + 8),
  }
}

/** Of one channel; NaN for a codec that is not known. */
function bytesPerSample(codec: string, bits: number): number {
  switch (codec.toLowerCase()) {
    case 'none':
    case 'raw ':
    case 'twos':
    case 'sowt':
      return Math.ceil(bits / 8)
    case 'in24':
      return 3
    case 'in32':
    case 'fl32':
      return 4
    case 'fl64':
      return 8
    case 'ulaw':
    case 'alaw':
      return 1
    case 'ima4':
      return 34 / 64
    default:
      return Number.NaN
  }
}

/** A number of 80 bits (IEEE 754, double extended). */
function extended(view: DataView, at: number): number {
  const exponent = (view.getUint16(at) & 0x7fff) - 16_383
  return (
    view.getUint32(at + 2) * 2 ** (exponent - 31) + view.getUint32(at + 6) * 2 ** (exponent - 63)
  )
}
