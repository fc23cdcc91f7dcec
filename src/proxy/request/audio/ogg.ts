/**
 * Ogg (RFC 3533) with Opus, Vorbis, Speex or FLAC. The position that each page says need not be right, so packets are counted,
 * as long as what is in them lasts. Streams beside each other play at once; streams behind each other (links) play in turn.
 */
import {
  type Counted,
  claimedAs,
  countedAs,
  longest,
  textAt,
  viewOf,
  withoutPadding,
} from './counted.ts'
import { flacFrameSeconds, streamInfoRate } from './flac.ts'
import { maxOpusBytes, opusSeconds } from './opus.ts'
import { vorbisCounter } from './vorbis.ts'

/** The seconds of a packet; undefined for what is none of the codec, or more than one. */
type CountPacket = (packet: Uint8Array) => number | undefined

interface Codec {
  /** How many packets stand before the sound. */
  readonly headers: number
  /** Positions in a second. */
  readonly rate: number
  /** Of the position, what is not played at the beginning. */
  readonly skipped?: number
  /** More bytes than a packet of it can have are none. */
  readonly maxBytes?: number
  /** The whole packet is looked at, and not only how it begins. */
  readonly isWhole?: boolean
  /** Made when the headers have come; undefined where they are none. */
  readonly counter: (headers: readonly Uint8Array[]) => CountPacket | undefined
}

/** Of most packets with sound no more is looked at. */
const maxHeadBytes = 32

class Stream {
  seconds = 0
  /** The position of the last page that says one. */
  position = 0
  /** What it is cannot be counted. */
  isUnknown = false
  /** It has no sound. */
  isSilent = false
  private codec: Codec | undefined
  private readonly headers: Uint8Array[] = []
  private count: CountPacket | undefined
  private begun: Uint8Array[] = []
  private begunBytes = 0

  /** A part of a packet, and whether it is the last one. */
  push(part: Uint8Array, isLast: boolean): void {
    if (this.isUnknown) return
    const room =
      this.count === undefined || this.codec?.isWhole
        ? Number.POSITIVE_INFINITY
        : maxHeadBytes - this.begunBytes
    if (room > 0) this.begun.push(part.subarray(0, room))
    this.begunBytes += part.length
    if (this.count && this.begunBytes > (this.codec?.maxBytes ?? this.begunBytes))
      this.isUnknown = true
    if (!isLast) return
    const packet =
      this.begun.length === 1 ? (this.begun[0] as Uint8Array) : Buffer.concat(this.begun)
    this.begun = []
    this.begunBytes = 0
    if (this.count === undefined) this.takeHeader(packet)
    else this.add(this.count(packet))
  }

  /** The seconds as the positions say them, from 0. */
  get saidSeconds(): number {
    const { rate = 1, skipped = 0 } = this.codec ?? {}
    return (this.position - skipped) / rate
  }

  private add(seconds: number | undefined): void {
    if (seconds === undefined) this.isUnknown = true
    else this.seconds += seconds
  }

  private takeHeader(packet: Uint8Array): void {
    this.headers.push(packet)
    this.codec ??= codecOf(packet)
    this.isSilent ||= this.codec === undefined && hasNoSound(packet)
    if (this.codec === undefined) this.isUnknown = true
    if (this.codec === undefined || this.headers.length < this.codec.headers) return
    this.count = this.codec.counter(this.headers)
    this.isUnknown = this.count === undefined
  }
}

export function countOgg(bytes: Uint8Array): Counted {
  let link = new Map<number, Stream>()
  /** Of the links before. */
  let seconds = 0
  let links = 1
  let hasSound = false
  for (const page of pagesOf(bytes)) {
    if (page.hasAnother) return { container: 'Ogg' }
    // A stream that begins behind the sound of others begins another link.
    if (page.isFirst && hasSound) {
      const sound = soundOf(link)
      if (sound === undefined) return saidBy(link)
      seconds += sound
      links++
      link = new Map()
      hasSound = false
    }
    hasSound ||= !page.isFirst
    const stream = link.get(page.serial) ?? new Stream()
    link.set(page.serial, stream)
    for (const { part, isLast } of page.parts) stream.push(part, isLast)
    if (page.position !== undefined) stream.position = page.position
  }
  const sound = soundOf(link)
  if (sound === undefined) return saidBy(link)
  // Each link can have padding, and many short ones would have nothing else.
  const only = links === 1 && link.size === 1
  return countedAs('Ogg', only ? withoutPadding(sound, longest(said(link))) : seconds + sound)
}

/** The seconds of the streams that play at once; undefined where one of them cannot be counted. */
function soundOf(link: ReadonlyMap<number, Stream>): number | undefined {
  const sound = [...link.values()].filter(({ isSilent }) => !isSilent)
  const isCounted = sound.length > 0 && !sound.some(({ isUnknown }) => isUnknown)
  return isCounted ? longest(sound.map(({ seconds }) => seconds)) : undefined
}

const said = (link: ReadonlyMap<number, Stream>) =>
  [...link.values()].map(({ saidSeconds }) => saidSeconds)

const saidBy = (link: ReadonlyMap<number, Stream>) => claimedAs('Ogg', longest(said(link)))

interface Page {
  readonly serial: number
  readonly isFirst: boolean
  /** Another page seems to begin in it: decoders look there, too, where its check sum is wrong. */
  readonly hasAnother: boolean
  /** undefined where no packet ends in it. */
  readonly position: number | undefined
  readonly parts: readonly { readonly part: Uint8Array; readonly isLast: boolean }[]
}

/** With the version. */
const pageMark = 'OggS\0'

function* pagesOf(bytes: Uint8Array): Generator<Page> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const view = viewOf(bytes)
  for (let at = buffer.indexOf('OggS'); at >= 0 && at + 27 <= bytes.length; ) {
    const lengths = bytes.subarray(at + 27, at + 27 + (bytes[at + 26] ?? 0))
    let begin = at + 27 + lengths.length
    let length = 0
    const parts: { part: Uint8Array; isLast: boolean }[] = []
    const end = (isLast: boolean) => {
      parts.push({ part: bytes.subarray(begin, begin + length), isLast })
      begin += length
      length = 0
    }
    for (const lacing of lengths) {
      length += lacing
      if (lacing < 255) end(true)
    }
    if (length > 0) end(false)
    const position = view.getBigInt64(at + 6, true)
    yield {
      serial: view.getUint32(at + 14, true),
      isFirst: ((bytes[at + 5] ?? 0) & 2) !== 0,
      position: position < 0n ? undefined : Number(position),
      parts,
      hasAnother: buffer.subarray(at + 4, begin).includes(pageMark),
    }
    at = buffer.indexOf('OggS', begin)
  }
}

const soundless = ['\x80theora', '\x01video', 'BBCD', 'OVP80', 'fishead\0']

/** Pictures, and what says how streams belong together. */
function hasNoSound(first: Uint8Array): boolean {
  const head = textAt(first, 0, 8)
  return soundless.some((text) => head.startsWith(text))
}

/** By the first packet of a stream; undefined for pictures, and what is not known. */
function codecOf(first: Uint8Array): Codec | undefined {
  const view = viewOf(first)
  const begins = (text: string) => textAt(first, 0, text.length) === text
  if (begins('OpusHead') && first.length >= 12) {
    const skipped = view.getUint16(10, true)
    return { headers: 2, rate: 48_000, skipped, maxBytes: maxOpusBytes, counter: () => opusSeconds }
  }
  if (begins('\x01vorbis') && first.length >= 29) {
    const rate = view.getUint32(12, true)
    return {
      headers: 3,
      rate,
      counter: ([one, , three]) => one && three && vorbisCounter(one, three),
    }
  }
  if (begins('Speex   ') && first.length >= 68) {
    const rate = view.getUint32(36, true)
    const frame = Math.max(
      view.getUint32(56, true),
      160 * 2 ** Math.min(view.getUint32(40, true), 2),
    )
    const seconds = (frame * Math.max(view.getUint32(64, true), 1)) / rate
    return { headers: 2, rate, counter: () => () => seconds }
  }
  if (begins('\x7fFLAC')) {
    const rate = streamInfoRate(first, 17)
    // Blocks of metadata begin with another byte.
    const counter = (packet: Uint8Array) =>
      packet[0] === 0xff ? flacFrameSeconds(packet, rate ?? 0) : 0
    return rate === undefined
      ? undefined
      : { headers: 1, rate, isWhole: true, counter: () => counter }
  }
  return undefined
}
