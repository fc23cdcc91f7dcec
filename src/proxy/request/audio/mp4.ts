/**
 * MP4 and QuickTime (ISO 14496-12). The times that a file says need not be right, so its frames are counted: those of the table
 * of sizes, and those of fragments. What they last is known of AAC and ALAC; of other sound the file's times are all there is.
 */
import { aacFrameSeconds, aacMaxBytes } from './aac.ts'
import {
  type Counted,
  claimedAs,
  countedAs,
  longest,
  textAt,
  viewOf,
  withoutPadding,
} from './counted.ts'

interface Box {
  readonly type: string
  readonly begin: number
  readonly end: number
}

interface Format {
  readonly frameSeconds: number
  /** Longer ones are none of the codec. */
  readonly maxFrameBytes: number
}

interface Track {
  id: number
  isSound: boolean
  timescale: number
  /** In units of the timescale. */
  ticks: number
  frames: number
  /** The bytes of its longest frame. */
  frameBytes: number
  /** undefined where it is not known. */
  format: Format | undefined
  /** How many tables of sample descriptions it has. */
  descriptions: number
  /** As its list of edits says, which can play a part several times. */
  editedSeconds: number
}

/** A file with sound has few. */
const maxTracks = 100

interface Movie {
  /** Units in a second, in which edits are measured. */
  timescale: number
  readonly tracks: Track[]
  /** The first track of each id. */
  readonly byId: Map<number, Track>
  /** What a frame of a fragment lasts, and how long it is, by the id of its track. */
  readonly defaults: Map<number, { readonly ticks: number; readonly bytes: number }>
}

/** More boxes than a long recording has would only take time. */
const maxBoxes = 300_000

class BoxFile {
  readonly bytes: Uint8Array
  readonly view: DataView
  private boxes = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = viewOf(bytes)
  }

  get hasTooMany(): boolean {
    return this.boxes > maxBoxes
  }

  *boxesIn(begin: number, end: number): Generator<Box> {
    for (let at = begin; at + 8 <= end; ) {
      if (++this.boxes > maxBoxes) return
      let size = this.view.getUint32(at)
      let head = 8
      if (size === 1 && at + 16 <= end) {
        size = Number(this.view.getBigUint64(at + 8))
        head = 16
      }
      if (size === 0) size = end - at
      if (size < head) return
      yield { type: this.text(at + 4, 4), begin: at + head, end: Math.min(at + size, end) }
      at += size
    }
  }

  /** Reads four bytes of a box at an offset from its beginning; 0 beyond its end. */
  wordsOf({ begin, end }: Box): (offset: number) => number {
    return (offset) => (begin + offset + 4 <= end ? this.view.getUint32(begin + offset) : 0)
  }

  text(at: number, length: number): string {
    return textAt(this.bytes, at, length)
  }
}

export function countMp4(bytes: Uint8Array): Counted {
  const file = new BoxFile(bytes)
  const movie: Movie = { timescale: 0, tracks: [], byId: new Map(), defaults: new Map() }
  for (const box of file.boxesIn(0, bytes.length)) {
    if (box.type === 'moov') readMovie(file, box, movie)
    if (box.type === 'moof') readFragment(file, box, movie)
  }
  if (file.hasTooMany || movie.tracks.length > maxTracks) return { container: 'MP4' }
  const sound = movie.tracks.filter(({ isSound, frames }) => isSound && frames > 0)
  const counted = sound.map(countedSeconds)
  return counted.every((seconds) => seconds !== undefined)
    ? countedAs('MP4', longest(counted))
    : claimedAs('MP4', longest(sound.map(saidSeconds)))
}

function saidSeconds({ ticks, timescale, editedSeconds }: Track): number {
  return Math.max(timescale > 0 ? ticks / timescale : 0, editedSeconds)
}

function countedSeconds(track: Track): number | undefined {
  const { frames, frameBytes, format, descriptions, editedSeconds } = track
  // Readers differ in which description holds, where there are two tables.
  if (format === undefined || descriptions > 1 || frameBytes > format.maxFrameBytes)
    return undefined
  const seconds = frames * format.frameSeconds
  return editedSeconds > seconds ? editedSeconds : withoutPadding(seconds, editedSeconds)
}

function readMovie(file: BoxFile, movieBox: Box, movie: Movie): void {
  for (const box of file.boxesIn(movieBox.begin, movieBox.end)) {
    if (box.type === 'mvhd') movie.timescale = timescaleIn(file, box)
    if (box.type === 'mvex') readDefaults(file, box, movie)
  }
  for (const box of file.boxesIn(movieBox.begin, movieBox.end)) {
    if (box.type !== 'trak' || movie.tracks.length > maxTracks) continue
    const track = trackIn(file, box, movie.timescale)
    movie.tracks.push(track)
    if (!movie.byId.has(track.id)) movie.byId.set(track.id, track)
  }
}

function readDefaults(file: BoxFile, { begin, end }: Box, { defaults }: Movie): void {
  for (const box of file.boxesIn(begin, end)) {
    const word = file.wordsOf(box)
    if (box.type === 'trex') defaults.set(word(4), { ticks: word(12), bytes: word(16) })
  }
}

/** Of `mvhd` and `mdhd`, which have a short and a long form. */
function timescaleIn(file: BoxFile, box: Box): number {
  return file.wordsOf(box)(file.bytes[box.begin] === 1 ? 20 : 12)
}

/** The boxes that only hold others. */
const holders = new Set(['mdia', 'minf', 'stbl', 'edts'])
const maxDepth = 3

function trackIn(file: BoxFile, trackBox: Box, movieTimescale: number): Track {
  const track: Track = {
    ...{ id: 0, isSound: false, timescale: 0, ticks: 0, frames: 0, frameBytes: 0 },
    ...{ format: undefined, descriptions: 0, editedSeconds: 0 },
  }
  const visit = ({ begin, end }: Box, depth: number) => {
    for (const box of file.boxesIn(begin, end)) {
      if (holders.has(box.type) && depth < maxDepth) visit(box, depth + 1)
      else readTrackBox(file, box, track, movieTimescale)
    }
  }
  visit(trackBox, 0)
  return track
}

function readTrackBox(file: BoxFile, box: Box, track: Track, movieTimescale: number): void {
  const word = file.wordsOf(box)
  const isLong = file.bytes[box.begin] === 1
  switch (box.type) {
    case 'tkhd':
      track.id = word(isLong ? 20 : 12)
      break
    case 'mdhd':
      track.timescale = timescaleIn(file, box)
      break
    case 'hdlr':
      // QuickTime has another one, of what stores the track.
      track.isSound ||= file.text(box.begin + 8, 4) === 'soun'
      break
    case 'elst':
      if (movieTimescale > 0) track.editedSeconds = editedTicks(file, box) / movieTimescale
      break
    case 'stsd':
      track.format = formatIn(file, box)
      track.descriptions++
      break
    case 'stts':
      for (let at = 8; at + 8 <= box.end - box.begin; at += 8)
        track.ticks += word(at) * word(at + 4)
      break
    case 'stsz':
    case 'stz2':
      // A frame has at least a byte.
      track.frames += Math.min(word(8), file.bytes.length)
      track.frameBytes = Math.max(track.frameBytes, longestSample(file, box))
      break
  }
}

/** By the table of sizes: one of all, or one of each, in the compact form of so many bits. */
function longestSample(file: BoxFile, box: Box): number {
  const word = file.wordsOf(box)
  const isCompact = box.type === 'stz2'
  if (!isCompact && word(4) > 0) return word(4)
  const bits = isCompact ? word(4) & 255 : 32
  const bytes = file.bytes.subarray(box.begin + 12, box.end)
  if (bits < 16) return 255
  const view = viewOf(bytes)
  let most = 0
  for (let at = 0; at + bits / 8 <= bytes.length; at += bits / 8)
    most = Math.max(most, bits === 16 ? view.getUint16(at) : view.getUint32(at))
  return most
}

function editedTicks(file: BoxFile, box: Box): number {
  const word = file.wordsOf(box)
  const isLong = file.bytes[box.begin] === 1
  let ticks = 0
  for (let at = 8; at < box.end - box.begin; at += isLong ? 20 : 12) {
    ticks += isLong ? word(at) * 2 ** 32 + word(at + 4) : word(at)
  }
  return ticks
}

/** By the sample descriptions; of several that differ, the longest. */
function formatIn(file: BoxFile, box: Box): Format | undefined {
  let format: Format | undefined
  for (const entry of file.boxesIn(box.begin + 8, box.end)) {
    const one = ofEntry(file, entry)
    if (one === undefined) return undefined
    format = {
      frameSeconds: Math.max(format?.frameSeconds ?? 0, one.frameSeconds),
      maxFrameBytes: Math.min(format?.maxFrameBytes ?? one.maxFrameBytes, one.maxFrameBytes),
    }
  }
  return format
}

function ofEntry(file: BoxFile, entry: Box): Format | undefined {
  if (entry.type === 'mp4a') {
    const config = audioConfig(configOf(file, entry, 'esds'))
    const [frameSeconds, maxFrameBytes] = config
      ? [aacFrameSeconds(config), aacMaxBytes(config)]
      : []
    return frameSeconds && maxFrameBytes ? { frameSeconds, maxFrameBytes } : undefined
  }
  if (entry.type !== 'alac') return undefined
  const cookie = configOf(file, entry, 'alac')
  if (cookie === undefined || cookie.length < 28) return undefined
  const view = viewOf(cookie)
  return {
    frameSeconds: view.getUint32(4) / view.getUint32(24),
    maxFrameBytes: Number.POSITIVE_INFINITY,
  }
}

/**
 * The box that configures the codec of an entry, where readers look for it: in the entry, or in its `wave`. undefined where the
 * entry has anything else of this name: readers differ in what they pass over.
 */
function configOf(file: BoxFile, { begin, end }: Box, name: string): Uint8Array | undefined {
  const found = new Set<number>()
  // QuickTime has longer heads, by a version that not every reader minds.
  for (const headBytes of [28, 44, 64]) {
    for (const box of file.boxesIn(begin + headBytes, end)) {
      const within = box.type === 'wave' ? [...file.boxesIn(box.begin, box.end)] : [box]
      for (const one of within) if (one.type === name) found.add(one.begin)
    }
  }
  const [at] = found
  if (at === undefined || found.size > 1) return undefined
  const before = file.text(begin, at - 4 - begin)
  // The box `frma` of a `wave` repeats the name of the codec.
  const isElsewhere =
    before.replace(`frma${name}`, '').includes(name) || file.text(at, end - at).includes(name)
  return isElsewhere ? undefined : file.bytes.subarray(at, end)
}

/** The AudioSpecificConfig in an `esds`; undefined for what is no AAC. */
function audioConfig(esds: Uint8Array | undefined): Uint8Array | undefined {
  if (esds === undefined) return undefined
  let at = 4
  const open = () => {
    const tag = esds[at++]
    let length = 0
    for (let more = true; more && at < esds.length; ) {
      const byte = esds[at++] as number
      length = length * 128 + (byte & 127)
      more = byte > 127
    }
    return { tag, length }
  }
  if (open().tag !== 3) return undefined
  const flags = esds[at + 2] ?? 0
  at += 3
  if (flags & 0x80) at += 2
  if (flags & 0x40) at += 1 + (esds[at] ?? 0)
  if (flags & 0x20) at += 2
  if (open().tag !== 4) return undefined
  const codec = esds[at] ?? 0
  at += 13
  const { tag, length } = open()
  const isAac = codec === 0x40 || (codec >= 0x66 && codec <= 0x68)
  return tag === 5 && isAac ? esds.subarray(at, at + length) : undefined
}

function readFragment(file: BoxFile, fragment: Box, movie: Movie): void {
  for (const traf of file.boxesIn(fragment.begin, fragment.end)) {
    if (traf.type !== 'traf') continue
    let track: Track | undefined
    let [frameTicks, frameBytes] = [0, 0]
    for (const box of file.boxesIn(traf.begin, traf.end)) {
      const word = file.wordsOf(box)
      const flags = word(0)
      if (box.type === 'tfhd') {
        track = movie.byId.get(word(4))
        const at = 8 + (flags & 1 ? 8 : 0) + (flags & 2 ? 4 : 0)
        const defaults = movie.defaults.get(word(4))
        frameTicks = flags & 8 ? word(at) : (defaults?.ticks ?? 0)
        frameBytes = flags & 16 ? word(at + (flags & 8 ? 4 : 0)) : (defaults?.bytes ?? 0)
      }
      if (box.type !== 'trun' || !track) continue
      if ((flags & 0x200) === 0) track.frameBytes = Math.max(track.frameBytes, frameBytes)
      readRun(word, track, frameTicks, file.bytes.length)
    }
  }
}

function readRun(
  word: (offset: number) => number,
  track: Track,
  frameTicks: number,
  maxFrames: number,
): void {
  const flags = word(0)
  const frames = Math.min(word(4), maxFrames)
  track.frames += frames
  if ((flags & 0x100) === 0) track.ticks += frames * frameTicks
  if ((flags & 0x300) === 0) return
  const begin = 8 + (flags & 1 ? 4 : 0) + (flags & 4 ? 4 : 0)
  const fields = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length
  const sizeAt = flags & 0x100 ? 4 : 0
  for (let frame = 0; frame < frames; frame++) {
    const at = begin + frame * fields * 4
    if (flags & 0x100) track.ticks += word(at)
    if (flags & 0x200) track.frameBytes = Math.max(track.frameBytes, word(at + sizeAt))
  }
}
