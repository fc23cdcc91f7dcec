/**
 * MPEG audio (MP3 and its older layers) and AAC in ADTS: frames that follow each other. Each says its own length and rate;
 * what a header before them says of their number is not read.
 */
import { aacBytesOfChannels } from './aac.ts'
import { type Counted, countedAs, textAt } from './counted.ts'

interface Frame {
  /** The same for all frames of a file: what it is of, and its rate. */
  readonly kind: number
  readonly bytes: number
  readonly seconds: number
}

/** undefined where no frames follow each other: the file is something else. */
export function countMpeg(bytes: Uint8Array): Counted | undefined {
  const seconds = mpegSeconds(bytes)
  return seconds === undefined ? undefined : countedAs('MPEG', seconds)
}

/**
 * undefined where more than a little lies between the frames: then they may be of a kind that is not counted here, or the file
 * is something else. undefined also where frames of two kinds follow each other, or stand in each other: decoders differ in
 * which of them they play.
 */
export function mpegSeconds(bytes: Uint8Array): number | undefined {
  let at = afterTags(bytes)
  const maxSkipped = Math.max(maxSkippedBytes, (bytes.length - at) / 64)
  let seconds = 0
  let skipped = 0
  let isInStep = false
  let kind: number | undefined
  while (at + 4 <= bytes.length) {
    const frame = frameAt(bytes, at)
    if (frame === undefined || !(isInStep || isFollowed(bytes, at, frame))) {
      const next = bytes.indexOf(0xff, at + 1)
      const resumed = next < 0 ? bytes.length : next
      skipped += resumed - at
      if (skipped > maxSkipped) return undefined
      at = resumed
      isInStep = false
      continue
    }
    const isFirst = kind === undefined
    kind ??= frame.kind
    if (frame.kind !== kind || hasAnother(bytes, at, frame)) return undefined
    // The first frame can be a table of contents, in which there is no sound.
    if (!isFirst || !isContents(bytes, at, frame)) seconds += frame.seconds
    isInStep = true
    at += frame.bytes
  }
  return seconds > 0 ? seconds : undefined
}

/** Tags at the end, and what remains where a file was cut. */
const maxSkippedBytes = 16_384

/** Where ID3v2 tags end. They stand before the sound, and can hold a picture. */
export function afterTags(bytes: Uint8Array): number {
  let at = 0
  for (let tags = 0; tags < maxTags && textAt(bytes, at, 3) === 'ID3'; tags++) {
    const hasFooter = ((bytes[at + 5] ?? 0) & 0x10) !== 0
    let size = 0
    for (let index = 6; index < 10; index++) size = size * 128 + ((bytes[at + index] ?? 0) & 127)
    at += 10 + size + (hasFooter ? 10 : 0)
  }
  return Math.min(at, bytes.length)
}

const maxTags = 100

/** A frame by chance has no other behind it. */
function isFollowed(bytes: Uint8Array, at: number, { bytes: length, kind }: Frame): boolean {
  return frameAt(bytes, at + length)?.kind === kind
}

/** Whether frames of another kind begin within a frame: three of them that follow each other are none by chance. */
function hasAnother(bytes: Uint8Array, at: number, { bytes: length, kind }: Frame): boolean {
  const end = Math.min(at + length, bytes.length)
  for (let inner = at + 4; inner < end; inner++) {
    if (bytes[inner] !== 0xff) continue
    const first = frameAt(bytes, inner)
    if (first === undefined || first.kind === kind || !isFollowed(bytes, inner, first)) continue
    const second = inner + first.bytes
    if (isFollowed(bytes, second, frameAt(bytes, second) as Frame)) return true
  }
  return false
}

function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  const [second, third] = [bytes[at + 1] ?? 0, bytes[at + 2] ?? 0]
  if (bytes[at] !== 0xff || (second & 0xe0) !== 0xe0) return undefined
  return (second & 0xf6) === 0xf0 ? adtsFrame(bytes, at) : mpegFrame(second, third)
}

function mpegFrame(second: number, third: number): Frame | undefined {
  const version = (second >> 3) & 3
  const layer = 4 - ((second >> 1) & 3)
  const rateIndex = (third >> 2) & 3
  if (version === 1 || layer === 4 || rateIndex === 3) return undefined
  const isFirstVersion = version === 3
  const table = isFirstVersion ? bitrates[layer - 1] : bitrates[layer === 1 ? 3 : 4]
  const bitrate = (table?.[third >> 4] ?? 0) * 1_000
  if (bitrate === 0) return undefined
  const rate = (mpegRates[rateIndex] as number) / (isFirstVersion ? 1 : version === 2 ? 2 : 4)
  const samples = layer === 1 ? 384 : layer === 3 && !isFirstVersion ? 576 : 1152
  const padding = (third >> 1) & 1
  const bytes =
    layer === 1
      ? (Math.floor((12 * bitrate) / rate) + padding) * 4
      : Math.floor(((samples / 8) * bitrate) / rate) + padding
  return { kind: ((second & 0xfe) << 8) | rateIndex, bytes, seconds: samples / rate }
}

const mpegRates = [44_100, 48_000, 32_000]
/** kbit/s, of layers 1 to 3 of the first version, and of layer 1 and the others of the later ones. 0: none. */
const bitrates = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
]

function adtsFrame(bytes: Uint8Array, at: number): Frame | undefined {
  const byte = (index: number) => bytes[at + index] ?? 0
  const rate = aacRates[(byte(2) >> 2) & 15]
  const length = ((byte(3) & 3) << 11) | (byte(4) << 3) | (byte(5) >> 5)
  const blocks = (byte(6) & 3) + 1
  const maxBytes = aacBytesOfChannels(((byte(2) & 1) << 2) | (byte(3) >> 6))
  if (rate === undefined || length < 7 || maxBytes === undefined) return undefined
  // The head, and check sums of the blocks.
  if (length > blocks * maxBytes + 17) return undefined
  const kind = ((byte(1) & 0xf6) << 8) | ((byte(2) >> 2) & 15)
  return { kind, bytes: length, seconds: (blocks * 1_024) / rate }
}

/** By the index that stands in headers of AAC. */
export const aacRates = [
  ...[96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050],
  ...[16_000, 12_000, 11_025, 8_000, 7_350],
]

function isContents(bytes: Uint8Array, at: number, { bytes: length }: Frame): boolean {
  const head = textAt(bytes, at, Math.min(length, 44))
  const found = /Xing|Info|VBRI/.exec(head)
  return found !== null && found.index >= 13
}

/** The sound of one frame of MPEG audio that stands alone; undefined for what is none, or more than one. */
export function mpegFrameSeconds(frame: Uint8Array): number | undefined {
  const read = frame.length < 4 ? undefined : frameAt(frame, 0)
  return read && frame.length <= read.bytes ? read.seconds : undefined
}
