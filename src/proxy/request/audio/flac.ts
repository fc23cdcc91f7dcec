/**
 * FLAC (RFC 9639). Its header says how many samples there are, and need not be right: its frames are counted, of which each
 * says how many it has. A frame ends where the CRC of all its bytes is right and another begins.
 */
import { type Counted, countedAs, viewOf } from './counted.ts'

interface Frame {
  readonly samples: number
  /** 0: as the file's header says. */
  readonly rate: number
  readonly headBytes: number
}

export function countFlac(bytes: Uint8Array): Counted {
  const { rate, end } = readHeader(bytes, 4)
  if (rate === undefined) return { container: 'FLAC' }
  let seconds = 0
  for (let at = nextFrame(bytes, end); at !== undefined; ) {
    const frame = flacFrame(bytes, at) as Frame
    seconds += frameSeconds(frame, rate)
    at = frameAfter(bytes, at, frame)
  }
  return countedAs('FLAC', seconds)
}

/** The seconds of a frame that stands alone, as in other containers; undefined for what is none, or more than one. */
export function flacFrameSeconds(frame: Uint8Array, rate: number): number | undefined {
  const read = flacFrame(frame, 0)
  return read && !hasAnother(frame, read) ? frameSeconds(read, rate) : undefined
}

/** Another head can stand in a frame by chance, but not where its CRC is right, nor with the same sizes and rates. */
function hasAnother(bytes: Uint8Array, { headBytes }: Frame): boolean {
  let [crc, checked] = [0, 0]
  let next = nextFrame(bytes, headBytes)
  while (next !== undefined) {
    crc = crc16(bytes, checked, next, crc)
    checked = next
    if (crc === 0 || (bytes[next + 2] === bytes[2] && bytes[next + 3] === bytes[3])) return true
    next = nextFrame(bytes, next + 1)
  }
  return false
}

/** The rate that a file's STREAMINFO says. */
export function streamInfoRate(bytes: Uint8Array, at: number): number | undefined {
  if (at + 14 > bytes.length) return undefined
  return viewOf(bytes).getUint32(at + 10) >>> 12 || undefined
}

/** Readers differ in which rate they play at. */
function frameSeconds({ samples, rate }: Frame, ofFile: number): number {
  return samples / Math.min(rate || ofFile, ofFile)
}

/** The metadata blocks: the lowest rate of a STREAMINFO, and where they end. */
function readHeader(bytes: Uint8Array, begin: number): { rate: number | undefined; end: number } {
  let rate: number | undefined
  for (let at = begin; at + 4 <= bytes.length; ) {
    const word = viewOf(bytes).getUint32(at)
    const said = ((word >>> 24) & 0x7f) === 0 ? streamInfoRate(bytes, at + 4) : undefined
    if (said !== undefined) rate = Math.min(rate ?? said, said)
    at += 4 + (word & 0xff_ff_ff)
    if (word >>> 31 === 1) return { rate, end: at }
  }
  return { rate, end: bytes.length }
}

/** More beginnings than these by chance stand in no frame. */
const maxBeginnings = 4

/** Where the next frame is: behind a frame that is proven to end there, or else at the first thing that may be one. */
function frameAfter(bytes: Uint8Array, at: number, { headBytes }: Frame): number | undefined {
  const first = nextFrame(bytes, at + headBytes)
  let crc = 0
  let checked = at
  let next = first
  for (let tried = 0; next !== undefined && tried < maxBeginnings; tried++) {
    crc = crc16(bytes, checked, next, crc)
    checked = next
    if (crc === 0) return next
    next = nextFrame(bytes, next + 1)
  }
  // The last one of a file is followed by none.
  if (next === undefined && crc16(bytes, checked, bytes.length, crc) === 0) return undefined
  return first
}

function nextFrame(bytes: Uint8Array, from: number): number | undefined {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === 0xff && flacFrame(bytes, at) !== undefined) return at
  }
  return undefined
}

/** What the head of a frame says; undefined where none begins. */
function flacFrame(bytes: Uint8Array, at: number): Frame | undefined {
  if (bytes[at] !== 0xff || ((bytes[at + 1] ?? 0) & 0xfe) !== 0xf8) return undefined
  const third = bytes[at + 2] ?? 0
  const fourth = bytes[at + 3] ?? 0
  const number = bytes[at + 4] ?? 0
  const sizeCode = third >> 4
  const rateCode = third & 15
  const channels = fourth >> 4
  if (sizeCode === 0 || rateCode === 15 || channels > 10 || (fourth & 1) === 1) return undefined
  const numberBytes = number < 0x80 ? 1 : Math.clz32(~(number << 24))
  // One byte that follows others, or too many of them.
  if (number >= 0x80 && (numberBytes < 2 || numberBytes > 7)) return undefined
  let end = at + 4 + numberBytes
  const sizeBytes = sizeCode === 6 ? 1 : sizeCode === 7 ? 2 : 0
  const samples = sizeBytes > 0 ? numberAt(bytes, end, sizeBytes) + 1 : blockSize(sizeCode)
  end += sizeBytes
  const rateBytes = rateCode < 12 ? 0 : rateCode === 12 ? 1 : 2
  const rate =
    rateBytes > 0
      ? numberAt(bytes, end, rateBytes) * (rateFactors[rateCode] ?? 1)
      : (rates[rateCode] ?? 0)
  end += rateBytes
  if (end >= bytes.length || crc8(bytes, at, end) !== bytes[end]) return undefined
  return { samples, rate, headBytes: end + 1 - at }
}

function numberAt(bytes: Uint8Array, at: number, count: number): number {
  const first = bytes[at] ?? 0
  return count === 1 ? first : first * 256 + (bytes[at + 1] ?? 0)
}

/** Of the codes that need no bytes of their own. */
function blockSize(code: number): number {
  if (code === 1) return 192
  return code < 6 ? 576 * 2 ** (code - 2) : 256 * 2 ** (code - 8)
}

const rates = [
  ...[0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000],
  ...[32_000, 44_100, 48_000, 96_000],
]
const rateFactors: Readonly<Record<number, number>> = { 12: 1_000, 14: 10 }

const table8 = table(8, 0x07)
const table16 = table(16, 0x8005)

function table(width: 8 | 16, polynomial: number): Uint16Array {
  const [top, mask] = [1 << (width - 1), 2 ** width - 1]
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << (width - 8)
    for (let bit = 0; bit < 8; bit++) crc = crc & top ? (crc << 1) ^ polynomial : crc << 1
    return crc & mask
  })
}

function crc8(bytes: Uint8Array, begin: number, end: number): number {
  let crc = 0
  for (let at = begin; at < end; at++) crc = table8[crc ^ (bytes[at] as number)] as number
  return crc
}

/** 0 where the last two bytes are the CRC of those before them. */
function crc16(bytes: Uint8Array, begin: number, end: number, before: number): number {
  let crc = before
  for (let at = begin; at < end; at++) {
    crc = ((crc << 8) & 0xffff) ^ (table16[(crc >> 8) ^ (bytes[at] as number)] as number)
  }
  return crc
}
