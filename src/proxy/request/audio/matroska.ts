/**
 * Matroska and WebM (RFC 9559), as browsers record them. Their times need not be right, so the frames of their blocks are
 * counted, as long as what is in them lasts. Elements that hold others are entered wherever they stand, for the sizes of those
 * are often unknown; where no element can be read, the next cluster is sought. But what a track says of itself has to stand in
 * its entry, and once: readers differ in what they make of the rest, so a file that has it is not counted.
 */
import { aacFrameSeconds, aacMaxBytes } from './aac.ts'
import { type Counted, claimedAs, countedAs, longest, textAt, viewOf } from './counted.ts'
import { flacFrameSeconds, streamInfoRate } from './flac.ts'
import { mpegFrameSeconds } from './mpeg.ts'
import { maxOpusBytes, opusSeconds } from './opus.ts'
import { vorbisCounter } from './vorbis.ts'

const ids = {
  segment: 0x18538067,
  cluster: 0x1f43b675,
  blockGroup: 0xa0,
  tracks: 0x1654ae6b,
  track: 0xae,
  audio: 0xe1,
  info: 0x1549a966,
  number: 0xd7,
  type: 0x83,
  codec: 0x86,
  codecPrivate: 0x63a2,
  encodings: 0x6d80,
  rate: 0xb5,
  channels: 0x9f,
  bits: 0x6264,
  timescale: 0x2ad7b1,
  duration: 0x4489,
  simpleBlock: 0xa3,
  block: 0xa1,
} as const
const holders: ReadonlySet<number> = new Set([
  ...[ids.segment, ids.cluster, ids.blockGroup, ids.tracks, ids.track, ids.audio, ids.info],
])

/** Where that which decides how a track is counted has to stand. */
const parents: ReadonlyMap<number, 0x1654ae6b | 0xae | 0xe1> = new Map([
  [ids.track, ids.tracks],
  ...[ids.number, ids.type, ids.codec, ids.codecPrivate, ids.encodings, ids.audio].map(
    (id) => [id, ids.track] as const,
  ),
  ...[ids.rate, ids.channels, ids.bits].map((id) => [id, ids.audio] as const),
])

/** Five hours of packets of 20 ms have fewer; more would only take time. */
const maxElements = 1_000_000
/** More would take long to find for each block. */
const maxTracks = 100

/** The seconds of a frame; undefined for what is none of the codec, or more than one. */
type CountFrame = (frame: Uint8Array) => number | undefined

interface Track {
  number: number
  isSound: boolean
  codec: string
  codecPrivate: Uint8Array
  rate: number
  channels: number
  bits: number
  /** Its frames are compressed once more, or their beginnings left out. */
  isEncoded: boolean
  seconds: number
  /** Made when its first block comes; null where its frames cannot be counted. */
  count?: CountFrame | null
}

export function countMatroska(bytes: Uint8Array): Counted {
  const view = viewOf(bytes)
  const tracks: Track[] = []
  let [timescale, duration, elements] = [1_000_000, 0, 0]
  let isPlain = true
  const ends = { [ids.tracks]: 0, [ids.track]: 0, [ids.audio]: 0 }
  const said = new Set<number>()
  for (const { id, begin, end, isUnknown } of elementsOf(bytes)) {
    if (++elements > maxElements) return { container: 'Matroska' }
    const track = tracks.at(-1)
    const data = bytes.subarray(begin, end)
    const parent = parents.get(id)
    if (parent !== undefined) {
      isPlain &&= end <= ends[parent] && !isUnknown && (id === ids.track || !said.has(id))
      said.add(id)
    }
    if (id === ids.tracks || id === ids.track || id === ids.audio) ends[id] = end
    if (id === ids.tracks) isPlain &&= !isUnknown
    if (id === ids.track) {
      said.clear()
      ends[ids.audio] = 0
      if (tracks.length === maxTracks) return { container: 'Matroska' }
      tracks.push(newTrack())
    }
    if (id === ids.timescale) timescale = unsigned(data)
    else if (id === ids.duration) duration = float(view, begin, end)
    else if (id === ids.simpleBlock || id === ids.block)
      isPlain = takeBlock(data, tracks) && isPlain
    else if (id === ids.rate && track) track.rate = float(view, begin, end)
    else if (track) readTrackElement(id, data, track)
  }
  const numbers = new Set(tracks.map(({ number }) => number))
  if (!isPlain || numbers.size < tracks.length) return { container: 'Matroska' }
  const sound = tracks.filter(({ isSound, count }) => isSound && count !== undefined)
  if (sound.some(({ count }) => count === null)) {
    return claimedAs('Matroska', (duration * timescale) / 1e9)
  }
  return countedAs('Matroska', longest(sound.map(({ seconds }) => seconds)))
}

function newTrack(): Track {
  return {
    ...{ number: 0, isSound: false, codec: '', codecPrivate: new Uint8Array() },
    ...{ rate: 8_000, channels: 1, bits: 0, isEncoded: false, seconds: 0 },
  }
}

function readTrackElement(id: number, data: Uint8Array, track: Track): void {
  if (id === ids.number) track.number = unsigned(data)
  else if (id === ids.type) track.isSound = unsigned(data) === 2
  else if (id === ids.codec) track.codec = textAt(data, 0, maxCodecBytes).replace(/\0+$/, '')
  else if (id === ids.codecPrivate) track.codecPrivate = data
  else if (id === ids.encodings) track.isEncoded = true
  else if (id === ids.channels) track.channels = unsigned(data)
  else if (id === ids.bits) track.bits = unsigned(data)
}

/** Names of codecs are shorter. */
const maxCodecBytes = 32

interface Element {
  readonly id: number
  readonly begin: number
  readonly end: number
  /** Its size is not said. */
  readonly isUnknown: boolean
}

/** Every element, those that hold others before what they hold. */
function* elementsOf(bytes: Uint8Array): Generator<Element> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = 0; at < bytes.length; ) {
    const idBytes = Math.clz32(bytes[at] as number) - 23
    const size = idBytes > 4 ? undefined : vint(bytes, at + idBytes)
    const id = idBytes > 4 ? 0 : unsigned(bytes, at, at + idBytes)
    if (size !== undefined && (holders.has(id) || !size.isUnknown)) {
      const begin = at + idBytes + size.bytes
      const end = Math.min(begin + size.value, bytes.length)
      yield { id, begin, end, isUnknown: size.isUnknown }
      at = holders.has(id) ? begin : begin + size.value
      continue
    }
    const next = buffer.indexOf(clusterMark, at + 1)
    if (next < 0) return
    at = next
  }
}

const clusterMark = Buffer.from([0x1f, 0x43, 0xb6, 0x75])

/** A number whose first byte says by its leading zeros how many bytes it has. */
function vint(
  bytes: Uint8Array,
  at: number,
): { value: number; bytes: number; isUnknown: boolean } | undefined {
  const first = bytes[at] ?? 0
  const length = Math.clz32(first) - 23
  if (length > 8 || at + length > bytes.length) return undefined
  const mask = 2 ** (8 - length) - 1
  let value = first & mask
  let isUnknown = value === mask
  for (let index = 1; index < length; index++) {
    const byte = bytes[at + index] as number
    value = value * 256 + byte
    isUnknown &&= byte === 255
  }
  return { value, bytes: length, isUnknown }
}

function unsigned(bytes: Uint8Array, begin = 0, end = Math.min(bytes.length, 8)): number {
  let value = 0
  for (let at = begin; at < end; at++) value = value * 256 + (bytes[at] ?? 0)
  return value
}

function float(view: DataView, begin: number, end: number): number {
  if (end - begin === 4) return view.getFloat32(begin)
  return end - begin === 8 ? view.getFloat64(begin) : 0
}

/** false where it is of a track that no entry stood before. */
function takeBlock(block: Uint8Array, tracks: readonly Track[]): boolean {
  const number = vint(block, 0)
  // Two bytes of time and one of flags stand before the frames.
  const flagsAt = (number?.bytes ?? 0) + 2
  if (number === undefined || flagsAt >= block.length) return true
  const isLaced = ((block[flagsAt] as number) & 6) !== 0
  const track = tracks.find((one) => one.number === number.value)
  if (!track?.isSound) return track !== undefined
  if (track.count === undefined) track.count = counterOf(track) ?? null
  // Several frames in a block are not taken apart.
  if (isLaced) track.count = null
  if (!track.count) return true
  const seconds = track.count(block.subarray(flagsAt + 1))
  if (seconds === undefined) track.count = null
  else track.seconds += seconds
  return true
}

/** The seconds of a frame of the track; undefined where they cannot be counted. */
function counterOf(track: Track): CountFrame | undefined {
  const { codec, codecPrivate, rate, channels, bits, isEncoded } = track
  if (isEncoded) return undefined
  if (codec === 'A_OPUS') return limited(maxOpusBytes, opusSeconds)
  if (codec === 'A_VORBIS') return ofVorbis(codecPrivate)
  if (codec === 'A_MPEG/L3' || codec === 'A_MPEG/L2') return mpegFrameSeconds
  if (codec.startsWith('A_PCM/')) {
    const bytesPerSecond = rate * channels * Math.ceil(bits / 8)
    return bytesPerSecond > 0 ? ({ length }) => length / bytesPerSecond : undefined
  }
  if (codec === 'A_FLAC') {
    const ofFile = streamInfoRate(codecPrivate, 8)
    return ofFile === undefined ? undefined : (frame) => flacFrameSeconds(frame, ofFile)
  }
  const seconds = codec === 'A_AAC' ? aacFrameSeconds(codecPrivate) : undefined
  const maxBytes = aacMaxBytes(codecPrivate)
  return seconds && maxBytes ? limited(maxBytes, () => seconds) : undefined
}

const limited =
  (maxBytes: number, count: CountFrame): CountFrame =>
  (frame) =>
    frame.length > maxBytes ? undefined : count(frame)

/** Its three headers stand in one, the lengths of the first two before them. */
function ofVorbis(headers: Uint8Array): ((frame: Uint8Array) => number) | undefined {
  if (headers[0] !== 2) return undefined
  let at = 1
  const length = () => {
    let sum = 0
    for (let byte = 255; byte === 255 && at < headers.length; sum += byte)
      byte = headers[at++] as number
    return sum
  }
  const [first, second] = [length(), length()]
  const identification = headers.subarray(at, at + first)
  return vorbisCounter(identification, headers.subarray(at + first + second))
}
