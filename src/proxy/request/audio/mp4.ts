/**
 * MP4 and QuickTime (ISO 14496-12). The times that a file says need not be right, so its frames are counted: those of the table
 * of sizes, and those of fragments. What they last is known of AAC and ALAC; of other sound the file's times are all there is.
 */
import { aacFrameSeconds } from './aac.ts'
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

interface Track {
  id: number
  isSound: boolean
  timescale: number
  /** In units of the timescale. */
  ticks: number
  frames: number
  /** undefined where it is not known. */
  frameSeconds: number | undefined
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
  /** What a frame of a fragment lasts, by the id of its track. */
  readonly defaultTicks: Map<number, number>
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
  const movie: Movie = { timescale: 0, tracks: [], byId: new Map(), defaultTicks: new Map() }
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

function countedSeconds({ frames, frameSeconds, editedSeconds }: Track): number | undefined {
  if (frameSeconds === undefined) return undefined
  const seconds = frames * frameSeconds
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

function readDefaults(file: BoxFile, { begin, end }: Box, { defaultTicks }: Movie): void {
  for (const box of file.boxesIn(begin, end)) {
    const word = file.wordsOf(box)
    if (box.type === 'trex') defaultTicks.set(word(4), word(12))
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
    ...{ id: 0, isSound: false, timescale: 0, ticks: 0, frames: 0 },
    ...{ frameSeconds: undefined, editedSeconds: 0 },
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
      track.frameSeconds = frameSecondsIn(file, box)
      break
    case 'stts':
      for (let at = 8; at + 8 <= box.end - box.begin; at += 8)
        track.ticks += word(at) * word(at + 4)
      break
    case 'stsz':
    case 'stz2':
      // A frame has at least a byte.
      track.frames += Math.min(word(8), file.bytes.length)
      break
  }
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
function frameSecondsIn(file: BoxFile, box: Box): number | undefined {
  let most: number | undefined
  for (const entry of file.boxesIn(box.begin + 8, box.end)) {
    const seconds = ofEntry(file, entry)
    if (seconds === undefined) return undefined
    most = Math.max(most ?? 0, seconds)
  }
  return most
}

function ofEntry({ bytes }: BoxFile, { type, begin, end }: Box): number | undefined {
  // QuickTime has a longer entry, in which the box stands further behind, in another one.
  const found = (name: string) => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin)
    const at = buffer.indexOf(name, 28)
    return at < 0 ? undefined : bytes.subarray(begin + at + 4, end)
  }
  if (type === 'mp4a') {
    const config = audioConfig(found('esds'))
    return config && aacFrameSeconds(config)
  }
  if (type !== 'alac') return undefined
  const cookie = found('alac')
  if (cookie === undefined || cookie.length < 28) return undefined
  const view = viewOf(cookie)
  return view.getUint32(4) / view.getUint32(24)
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
    let frameTicks = 0
    for (const box of file.boxesIn(traf.begin, traf.end)) {
      const word = file.wordsOf(box)
      const flags = word(0)
      if (box.type === 'tfhd') {
        track = movie.byId.get(word(4))
        const at = 8 + (flags & 1 ? 8 : 0) + (flags & 2 ? 4 : 0)
        frameTicks = flags & 8 ? word(at) : (movie.defaultTicks.get(word(4)) ?? 0)
      }
      if (box.type === 'trun' && track) readRun(word, track, frameTicks, file.bytes.length)
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
  if ((flags & 0x100) === 0) {
    track.ticks += frames * frameTicks
    return
  }
  const begin = 8 + (flags & 1 ? 4 : 0) + (flags & 4 ? 4 : 0)
  const fields = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length
  for (let frame = 0; frame < frames; frame++) track.ticks += word(begin + frame * fields * 4)
}
