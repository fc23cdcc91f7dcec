/**
 * Audio files of nothing but silence, whose headers say of their length what a test wants: what is in them lasts `seconds`, and
 * they claim `claimed`.
 */

/** How much is in a file, and how much its header says. */
export interface AudioLength {
  readonly seconds: number
  /** As `seconds` by default. */
  readonly claimed?: number
}

type AudioFile = (length: AudioLength) => Uint8Array<ArrayBuffer>

/** A text in Latin-1, a byte, or several. */
type Piece = string | number | Uint8Array | readonly number[]

export function bytesOf(...parts: readonly Piece[]): Uint8Array<ArrayBuffer> {
  const buffers = parts.map((part) => {
    if (typeof part === 'string') return Buffer.from(part, 'latin1')
    return Buffer.from(typeof part === 'number' ? [part] : part)
  })
  return new Uint8Array(Buffer.concat(buffers))
}

/** A number in so many bytes, the last one first. */
export function little(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** index) % 256)
}

export const big = (value: number, bytes: number) => little(value, bytes).reverse()

const repeated = (bytes: Uint8Array, times: number) => {
  const all = new Uint8Array(bytes.length * times)
  for (let nth = 0; nth < times; nth++) all.set(bytes, nth * bytes.length)
  return all
}

/** 8-bit PCM of 8,000 samples a second. */
export const wavFile: AudioFile = ({ seconds, claimed = seconds }) =>
  wavOf({ codec: 1, blockBytes: 1, bits: 8, data: new Uint8Array(seconds * 8_000), claimed })

export function wavOf(of: {
  readonly codec: number
  readonly blockBytes: number
  readonly bits: number
  readonly data: Uint8Array
  /** Seconds that a `fact` chunk says. */
  readonly claimed?: number
  readonly dataBytes?: number
  readonly after?: Uint8Array
}): Uint8Array<ArrayBuffer> {
  const { codec, blockBytes, bits, data, claimed, dataBytes = data.length } = of
  const claim =
    claimed === undefined ? [] : ['fact', ...little(4, 4), ...little(claimed * 8_000, 4)]
  const format = [
    ...[...little(codec, 2), ...little(1, 2), ...little(8_000, 4)],
    ...[...little(8_000, 4), ...little(blockBytes, 2), ...little(bits, 2)],
  ]
  const chunks = bytesOf(
    'fmt ',
    little(16, 4),
    format,
    ...claim,
    'data',
    little(dataBytes, 4),
    data,
  )
  const after = of.after ?? new Uint8Array()
  return bytesOf('RIFF', little(4 + chunks.length + after.length, 4), 'WAVE', chunks, after)
}

/** 8-bit PCM of 8,000 samples a second. */
export const aiffFile: AudioFile = ({ seconds, claimed = seconds }) => {
  const rate = [0x40, 0x0b, 0xfa, ...Array(7).fill(0)]
  const format = [...big(1, 2), ...big(claimed * 8_000, 4), ...big(8, 2), ...rate]
  const sound = new Uint8Array(seconds * 8_000)
  const chunks = bytesOf(
    ...['COMM', big(18, 4), format, 'SSND', big(sound.length + 8, 4), big(0, 8), sound],
  )
  return bytesOf('FORM', big(4 + chunks.length, 4), 'AIFF', chunks)
}

function crc(bytes: Uint8Array, width: 8 | 16, polynomial: number): number[] {
  let value = 0
  for (const byte of bytes) {
    value ^= byte << (width - 8)
    for (let bit = 0; bit < 8; bit++) {
      value = ((value << 1) ^ (value >> (width - 1) ? polynomial : 0)) & (2 ** width - 1)
    }
  }
  return big(value, width / 8)
}

/** A frame of 4,000 samples of silence, at 8,000 a second. */
export function flacFrame(nth: number): Uint8Array {
  const number = [...Buffer.from(String.fromCodePoint(nth))]
  const head = bytesOf([0xff, 0xf8, 0x74, 0x02], number, big(3_999, 2))
  const frame = bytesOf(head, crc(head, 8, 0x07), [0, 0])
  return bytesOf(frame, crc(frame, 16, 0x8005))
}

export const flacFile: AudioFile = ({ seconds, claimed = seconds }) => {
  const frames = Array.from({ length: seconds * 2 }, (_, nth) => flacFrame(nth))
  // The rate has 20 bits, channels and bits less one 3 and 5, and the samples 36.
  const format = [0x01, 0xf4, 0x00, 0x70, ...big(claimed * 8_000, 4), ...Array(16).fill(0)]
  const info = bytesOf(big(4_000, 2), big(4_000, 2), big(0, 6), format)
  return bytesOf('fLaC', [0x80], big(info.length, 3), info, ...frames)
}

export function oggPage(of: {
  readonly packets: readonly Uint8Array[]
  readonly flags?: number
  readonly position?: number
  readonly serial?: number
}): Uint8Array<ArrayBuffer> {
  const { packets, flags = 0, position = 0, serial = 7 } = of
  const lacing = packets.flatMap(({ length }) => [
    ...Array(Math.floor(length / 255)).fill(255),
    length % 255,
  ])
  const head = [0, flags, ...little(position, 8), ...little(serial, 4), ...big(0, 8)]
  return bytesOf('OggS', head, lacing.length, lacing, ...packets)
}

/** Packets of 20 ms, in pages of a second. */
export const opusFile: AudioFile = ({ seconds, claimed = seconds }) => {
  const head = bytesOf('OpusHead', 1, 1, little(0, 2), little(48_000, 4), little(0, 3))
  const tags = bytesOf('OpusTags', little(0, 8))
  const packets = repeated(bytesOf([0xf8, 0xff]), 1)
  const pages = Array.from({ length: seconds }, (_, nth) =>
    oggPage({
      packets: Array(50).fill(packets),
      position: Math.round(((nth + 1) / seconds) * claimed * 48_000),
      flags: nth === seconds - 1 ? 4 : 0,
    }),
  )
  return bytesOf(oggPage({ packets: [head], flags: 2 }), oggPage({ packets: [tags] }), ...pages)
}

/** Bits in the order of Vorbis: the lowest of a byte first. */
function vorbisBits(fields: readonly (readonly [value: number, bits: number])[]): Uint8Array {
  const bits = fields.flatMap(([value, count]) =>
    Array.from({ length: count }, (_, nth) => Math.floor(value / 2 ** nth) % 2),
  )
  const bytes = new Uint8Array(Math.ceil(bits.length / 8))
  for (const [nth, bit] of bits.entries())
    bytes[nth >> 3] = (bytes[nth >> 3] as number) | (bit << (nth & 7))
  return bytes
}

/** Blocks of 256 and 2,048 samples, of which all are long, at 8,192 samples a second. */
export const vorbisHeaders = [
  bytesOf('\x01vorbis', big(0, 4), 1, little(8_192, 4), big(0, 12), 0xb8, 1),
  bytesOf('\x03vorbis', big(0, 8), 1),
  bytesOf(
    '\x05vorbis',
    // What stands before the modes is not looked at.
    Array.from({ length: 200 }, (_, nth) => (nth * 37) % 256),
    vorbisBits([
      [1, 6], // modes less one
      ...[[0, 1] as const, [0, 32] as const, [0, 8] as const],
      ...[[1, 1] as const, [0, 32] as const, [0, 8] as const],
      [1, 1],
    ]),
  ),
] as const

/** Packets of an eighth of a second, but the first, in pages of a second. */
export const vorbisFile: AudioFile = ({ seconds, claimed = seconds }) => {
  const [first, second, third] = vorbisHeaders
  const packet = bytesOf([0x02, 0x00])
  const pages = Array.from({ length: seconds }, (_, nth) =>
    oggPage({
      packets: Array(nth === 0 ? 9 : 8).fill(packet),
      position: Math.round(((nth + 1) / seconds) * claimed * 8_192),
    }),
  )
  return bytesOf(
    oggPage({ packets: [first], flags: 2 }),
    oggPage({ packets: [second, third] }),
    ...pages,
  )
}

/** MPEG 2.5, layer 3, 8 kbit/s and 8,000 samples a second, and before it what it claims. */
export const mp3File: AudioFile = ({ seconds, claimed = seconds }) => {
  const frame = bytesOf([0xff, 0xe3, 0x18, 0xc4], new Uint8Array(68))
  const contents = frame.slice()
  contents.set(bytesOf('Xing', big(1, 4), big((claimed * 8_000) / 576, 4)), 13)
  return bytesOf(contents, repeated(frame, Math.ceil((seconds * 8_000) / 576)))
}

/** Frames of 1,024 samples, at 8,000 a second. Nothing before them claims anything. */
export const adtsFile: AudioFile = ({ seconds }) =>
  repeated(adtsFrame(11, 1, new Uint8Array(2)), Math.ceil((seconds * 8_000) / 1_024))

/** @param frequency the number that AAC has for it: 11 is 8,000 samples a second, and 0 is 96,000 */
export function adtsFrame(frequency: number, channels: number, content: Uint8Array): Uint8Array {
  const length = 7 + content.length
  return bytesOf(
    [0xff, 0xf1, 0x40 | (frequency << 2) | (channels >> 2), ((channels & 3) << 6) | (length >> 11)],
    [(length >> 3) & 255, ((length & 7) << 5) | 0x1f, 0xfc],
    content,
  )
}

/** Frames of 20 ms without any sound. */
export const amrFile: AudioFile = ({ seconds }) =>
  bytesOf('#!AMR\n', repeated(bytesOf([0x7c]), seconds * 50))

export const box = (type: string, ...content: readonly Piece[]) => {
  const bytes = bytesOf(...content)
  return bytesOf(big(bytes.length + 8, 4), type, bytes)
}

/** AAC frames of 1,024 samples at 8,000 a second. */
export const mp4File: AudioFile = ({ seconds, claimed = seconds }) => {
  const frames = Math.ceil((seconds * 8_000) / 1_024)
  return mp4Of({ frames, claimed, edits: [claimed] })
}

/**
 * @param of.edits the seconds that each edit plays
 * @param of.frameBytes what the table of sizes says of each
 * @param of.inEntry what stands in the sample description before its own `esds`
 */
export function mp4Of(of: {
  readonly frames: number
  readonly claimed: number
  readonly edits: readonly number[]
  readonly frameBytes?: number
  readonly inEntry?: Uint8Array
}): Uint8Array<ArrayBuffer> {
  const { frames, claimed, edits, frameBytes = 2, inEntry = new Uint8Array() } = of
  const stts = [
    big(0, 4),
    big(1, 4),
    big(frames, 4),
    big(Math.floor((claimed * 8_000) / frames), 4),
  ]
  const sizes = [big(0, 4), big(frameBytes, 4), big(frames, 4)]
  const chunks = [big(0, 4), big(1, 4), big(1, 4), big(frames, 4), big(1, 4)]
  const sound = new Uint8Array(frames * 2)
  const moov = box(
    'moov',
    box('mvhd', big(0, 12), big(1_000, 4), big(claimed * 1_000, 4), new Uint8Array(80)),
    box(
      'trak',
      box('tkhd', big(7, 4), big(0, 8), big(1, 4), new Uint8Array(68)),
      box('edts', box('elst', big(0, 4), big(edits.length, 4), ...edits.map(editOf))),
      box(
        'mdia',
        box('mdhd', big(0, 12), big(8_000, 4), big(claimed * 8_000, 4), big(0, 4)),
        box('hdlr', big(0, 8), 'soun', big(0, 13)),
        box(
          'minf',
          box(
            'stbl',
            box('stsd', big(0, 4), big(1, 4), aacEntry(inEntry)),
            box('stts', ...stts),
            box('stsc', ...chunks),
            box('stsz', ...sizes),
            box('stco', big(0, 4), big(1, 4), big(32, 4)),
          ),
        ),
      ),
    ),
  )
  return bytesOf(box('ftyp', 'M4A ', big(0, 4)), box('mdat', sound), moov)
}

const editOf = (seconds: number) =>
  bytesOf(big(seconds * 1_000, 4), big(0, 4), big(1, 2), big(0, 2))

/** @param frequency the number that AAC has for it: 11 is 8,000 samples a second */
export function esdsOf(frequency: number): Uint8Array {
  const config = [0x05, 2, 0x10 | (frequency >> 1), ((frequency & 1) << 7) | 0x08]
  const decoder = [0x04, 13 + config.length, 0x40, 0x15, ...big(0, 11), ...config]
  return box('esds', big(0, 4), [0x03, 3 + decoder.length, ...big(0, 3), ...decoder])
}

function aacEntry(before: Uint8Array): Uint8Array {
  const sound = [big(0, 8), big(1, 2), big(16, 2), big(0, 4), big(8_000, 2), big(0, 2)]
  return box('mp4a', big(0, 6), big(1, 2), ...sound, before, esdsOf(11))
}

/** The same in fragments of a second, of which nothing says how long they are. */
export const fragmentedFile: AudioFile = ({ seconds, claimed = seconds }) => {
  const moov = mp4Of({ frames: 0, claimed: 0, edits: [] })
  const run = (frames: number) =>
    box(
      'moof',
      box(
        'traf',
        box('tfhd', [0, 2, 0, 8], big(1, 4), big((claimed * 1_024) / seconds, 4)),
        box('trun', big(0, 4), big(frames, 4)),
      ),
    )
  const frames = Math.ceil((seconds * 8_000) / 1_024)
  return bytesOf(moov, ...Array.from({ length: frames }, () => run(1)))
}

export const element = (id: number, ...content: readonly Piece[]) => {
  const bytes = bytesOf(...content)
  const idBytes = id > 0xffffff ? 4 : id > 0xffff ? 3 : id > 0xff ? 2 : 1
  return bytesOf(
    big(id, idBytes),
    [0x10 | (bytes.length >> 24), ...big(bytes.length % 2 ** 24, 3)],
    bytes,
  )
}

/** Opus in packets of 20 ms, in clusters without a size, as browsers record it. */
export const webmFile: AudioFile = ({ seconds, claimed = seconds }) => {
  const duration = new Uint8Array(8)
  new DataView(duration.buffer).setFloat64(0, claimed * 1_000)
  const cluster = (nth: number) =>
    bytesOf(
      [0x1f, 0x43, 0xb6, 0x75, 0xff],
      element(0xe7, big(Math.round((nth * 1_000 * claimed) / seconds), 4)),
      ...Array.from({ length: 50 }, () => element(0xa3, [0x81, 0, 0, 0x80, 0xf8, 0xff])),
    )
  return bytesOf(
    element(0x1a45dfa3, element(0x4282, 'webm')),
    [0x18, 0x53, 0x80, 0x67, 0xff],
    element(0x1549a966, element(0x2ad7b1, big(1_000_000, 3)), element(0x4489, duration)),
    element(0x1654ae6b, webmTrack('A_OPUS')),
    ...Array.from({ length: seconds }, (_, nth) => cluster(nth)),
  )
}

function webmTrack(codec: string): Uint8Array {
  return element(0xae, element(0xd7, 1), element(0x83, 2), element(0x86, codec))
}

/** Of each container a file, by the name of the container. */
export const audioFiles: Readonly<Record<string, AudioFile>> = {
  ...{
    WAV: wavFile,
    AIFF: aiffFile,
    FLAC: flacFile,
    'Ogg Opus': opusFile,
    'Ogg Vorbis': vorbisFile,
  },
  ...{ MP3: mp3File, AAC: adtsFile, AMR: amrFile, MP4: mp4File, WebM: webmFile },
  'fragmented MP4': fragmentedFile,
}
