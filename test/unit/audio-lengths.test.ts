/** How long the sound in a file lasts is counted: its header says what its sender wants. */
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { countSeconds } from '../../src/proxy/request/audio/count-seconds.ts'
import {
  type AudioLength,
  adtsFrame,
  audioFiles,
  big,
  box,
  bytesOf,
  element,
  esdsOf,
  flacFile,
  flacFrame,
  little,
  mp4Of,
  oggPage,
  opusFile,
  vorbisFile,
  wavOf,
} from '../support/audio-files.ts'

const kinds = Object.entries(audioFiles)

/** A frame's length is the most that a file can be longer. */
function expectLasts(bytes: Uint8Array, seconds: number) {
  const counted = countSeconds(bytes)?.seconds ?? Number.NaN
  expect(counted).toBeGreaterThanOrEqual(seconds - 0.001)
  expect(counted).toBeLessThanOrEqual(seconds + 0.13)
}

describe.each(kinds)('%s', (_name, fileOf) => {
  test('lasts as long as its header says where that is true', () => {
    for (const seconds of [1, 61]) expectLasts(fileOf({ seconds }), seconds)
  })

  test('lasts as long as what is in it, and be it more or less than its header claims', () => {
    const lies: AudioLength[] = [
      { seconds: 100, claimed: 1 },
      { seconds: 100, claimed: 99 },
      { seconds: 5, claimed: 100 },
    ]
    // An edit plays on beyond the frames; what a decoder makes of that is paid for.
    for (const lie of lies)
      expectLasts(
        fileOf(lie),
        _name === 'MP4' ? Math.max(lie.seconds, lie.claimed ?? 0) : lie.seconds,
      )
  })

  test('lasts as long behind tags, which decoders pass over', () => {
    const tag = bytesOf('ID3', [4, 0, 0, 0, 0, 0, 5], 'title')
    expectLasts(bytesOf(tag, tag, fileOf({ seconds: 20 })), 20)
  })

  test('is not counted by the label, nor beyond where it is cut off', () => {
    const whole = fileOf({ seconds: 20 })
    const half = countSeconds(whole.slice(0, whole.length / 2))?.seconds
    // An MP4 whose tables are cut off has none.
    if (half !== undefined) expect(half).toBeLessThan(12)
  })
})

describe('WAV', () => {
  const data = new Uint8Array(80_000)
  const pcm = { codec: 1, blockBytes: 1, bits: 8, data }

  test('is counted by the bytes that are there, whatever sizes it says', () => {
    expectLasts(wavOf({ ...pcm, dataBytes: 2 ** 32 - 1 }), 10)
    expectLasts(wavOf({ ...pcm, dataBytes: 8_000 }), 10)
    expectLasts(wavOf({ ...pcm, blockBytes: 1_000 }), 10)
    expectLasts(
      wavOf({ ...pcm, after: bytesOf('data', little(8_000, 4), new Uint8Array(8_000)) }),
      11,
    )
    expectLasts(
      wavOf({ ...pcm, after: bytesOf('LIST', little(8_000, 4), new Uint8Array(8_000)) }),
      10,
    )
  })

  test('is counted where its samples are packed', () => {
    expectLasts(wavOf({ ...pcm, codec: 7 }), 10)
    expectLasts(wavOf({ ...pcm, codec: 0x11, blockBytes: 1_000, bits: 4 }), (80 * 1_993) / 8_000)
    expectLasts(wavOf({ ...pcm, codec: 2, blockBytes: 1_000, bits: 4 }), (80 * 1_988) / 8_000)
    const mp3 = audioFiles.MP3?.({ seconds: 10, claimed: 1 }) as Uint8Array
    expectLasts(wavOf({ ...pcm, codec: 0x55, data: mp3 }), 10)
  })

  test('is left open where its codec is not known, or a program did not come back to write its size', () => {
    expect(countSeconds(wavOf({ ...pcm, codec: 0x161 }))).toEqual({ container: 'WAVE' })
    expect(countSeconds(wavOf({ ...pcm, dataBytes: 0 }))).toEqual({ container: 'WAVE' })
    expect(countSeconds(wavOf({ ...pcm, blockBytes: 0, bits: 0 }))).toEqual({ container: 'WAVE' })
  })
})

describe('FLAC', () => {
  test('is counted frame by frame, also where the CRC of a frame is wrong', () => {
    const file = flacFile({ seconds: 10 })
    const last = flacFrame(0).length
    for (let at = 42; at < file.length; at += last)
      file[at + last - 1] = (file[at + last - 1] as number) ^ 1
    expectLasts(file, 10)
  })

  test('has no frame more where its sound has what a frame could begin with', () => {
    const frame = flacFrame(0)
    // Within a frame, another one's head: the CRC of the whole frame says that it is none.
    const looksLike = frame.slice(0, frame.length - 4)
    const body = bytesOf(frame.slice(0, frame.length - 2), looksLike)
    let crc = 0
    for (const byte of body) {
      crc ^= byte << 8
      for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x8005 : 0)) & 0xffff
    }
    const whole = bytesOf(body, [crc >> 8, crc & 255])
    const header = flacFile({ seconds: 1 }).slice(0, 42)
    expectLasts(bytesOf(header, whole, whole, flacFrame(2)), 1.5)
  })
})

describe('Ogg', () => {
  test('that plays streams behind each other lasts as long as all of them', () => {
    expectLasts(bytesOf(opusFile({ seconds: 10 }), vorbisFile({ seconds: 5 })), 15)
  })

  test('that plays streams beside each other lasts as long as the longest', () => {
    const [short, long] = [bytesOf([0xf8]), bytesOf([0xfb, 50])]
    const head = bytesOf('OpusHead', 1, 1, little(0, 9))
    const tags = bytesOf('OpusTags', little(0, 8))
    const page = (packets: Uint8Array[], serial: number, flags = 0) =>
      oggPage({ packets, serial, flags })
    const pages = [
      ...[page([head], 1, 2), page([head], 2, 2), page([tags], 1), page([tags], 2)],
      ...[page(Array(100).fill(short), 1), page(Array(100).fill(long), 2)],
    ]
    // Fifty frames of 20 ms in a packet are more than it may have: 120 ms.
    expectLasts(bytesOf(...pages), 12)
  })

  test('with packets that go on over several pages is counted by packets', () => {
    const file = opusFile({ seconds: 1 })
    const long = bytesOf([0xf8], new Uint8Array(600))
    const begin = oggPage({ packets: [long] })
    // Two of its three lacing values in the first page, the last one in the next.
    const first = begin.slice()
    first[26] = 2
    const cut = bytesOf(first.slice(0, 29), long.slice(0, 510))
    const rest = oggPage({ packets: [long.slice(510)], flags: 1 })
    expectLasts(bytesOf(file, cut, rest), 1.02)
  })

  test('with a stream of sound that is not known among others is left open, and not with pictures', () => {
    const head = bytesOf('OpusHead', 1, 1, little(0, 9))
    const opus = [oggPage({ packets: [head], flags: 2 }), oggPage({ packets: [head] })]
    const sound = oggPage({ packets: [bytesOf([0xf8])] })
    const another = (text: string) => oggPage({ packets: [bytesOf(text)], flags: 2, serial: 8 })
    const secondsWith = (text: string) =>
      countSeconds(bytesOf(another(text), ...opus, sound))?.seconds
    for (const text of ['CELT    ', '\x01audio', 'new']) expect(secondsWith(text)).toBeUndefined()
    for (const text of ['\x80theora', 'fishead\0', '\x01video', 'BBCD', 'OVP80']) {
      expect(secondsWith(text)).toBe(0.02)
    }
  })

  test('of what is not known is left open', () => {
    const page = oggPage({ packets: [bytesOf('Unknown codec of sound')], flags: 2, position: 99 })
    expect(countSeconds(page)).toEqual({ container: 'Ogg', claimedSeconds: 99 })
  })
})

test('an MP4 whose edits play a part several times lasts as long as they do', () => {
  expectLasts(mp4Of({ frames: 78, claimed: 1, edits: Array(10).fill(10) }), 100)
})

test('an MP4 that leaves the padding of its last frame out lasts as long as it says', () => {
  expectLasts(mp4Of({ frames: 79, claimed: 10, edits: [10] }), 10)
  expect(countSeconds(mp4Of({ frames: 79, claimed: 10, edits: [10] }))?.seconds).toBe(10)
})

describe('What readers of a file differ in is not counted', () => {
  const expectNotCounted = (bytes: Uint8Array) =>
    expect(countSeconds(bytes)?.seconds).toBeUndefined()
  const mp3 = audioFiles.MP3?.({ seconds: 60 }) as Uint8Array
  const frames = mp3.slice(72)
  const parts = (bytes: number) =>
    Array.from({ length: Math.ceil(frames.length / bytes) }, (_, nth) =>
      frames.slice(nth * bytes, (nth + 1) * bytes),
    )

  test('AAC frames that jump over MP3 frames: longer than any, of another kind, or with others in them', () => {
    const begin = frames.slice(0, 720)
    // 113 of the MP3 frames in each: longer than AAC of one channel has them. So the jump is none.
    const long = bytesOf(begin, ...parts(113 * 72).map((part) => adtsFrame(0, 1, part)))
    expect(countSeconds(long)?.seconds ?? 60).toBeGreaterThanOrEqual(60)
    // Eight channels have room for 85, and one for 10.
    const wide = parts(85 * 72).map((part) => adtsFrame(0, 7, part))
    const narrow = parts(10 * 72).map((part) => adtsFrame(0, 1, part))
    for (const jumps of [wide, narrow]) {
      expectNotCounted(bytesOf(begin, ...jumps))
      expectNotCounted(bytesOf(...jumps))
    }
    expectLasts(bytesOf(...Array(50).fill(adtsFrame(11, 1, new Uint8Array(700)))), 6.4)
    expectNotCounted(bytesOf(...Array(50).fill(adtsFrame(11, 1, new Uint8Array(7_000)))))
  })

  test('an MP4 whose sample description has a second configuration, wherever it stands', () => {
    const withEntry = (inEntry: Uint8Array) =>
      mp4Of({ frames: 78, claimed: 10, edits: [10], inEntry })
    expectNotCounted(withEntry(box('free', esdsOf(0))))
    expectNotCounted(withEntry(box('wave', esdsOf(0))))
    expectNotCounted(withEntry(box('sinf', box('schi', esdsOf(0)))))
    expectNotCounted(withEntry(esdsOf(0)))
    expectLasts(withEntry(box('btrt', big(0, 12))), 10)
  })

  test('an MP4 with longer frames than AAC has', () => {
    const withFrames = (frameBytes: number) =>
      mp4Of({ frames: 78, claimed: 10, edits: [10], frameBytes })
    expectLasts(withFrames(768), 10)
    expectNotCounted(withFrames(769))
  })

  test('a Matroska track that is described outside of its entry, or twice', () => {
    const double = (value: number) => {
      const bytes = new Uint8Array(8)
      new DataView(bytes.buffer).setFloat64(0, value)
      return bytes
    }
    const audio = (rate: number) =>
      element(0xe1, element(0xb5, double(rate)), element(0x9f, 1), element(0x6264, 8))
    const track = (...more: Uint8Array[]) =>
      element(0xae, element(0xd7, 1), element(0x83, 2), element(0x86, 'A_PCM/INT/LIT'), ...more)
    const block = element(0xa3, [0x81, 0, 0, 0x80], new Uint8Array(8_000))
    const file = (tracks: Uint8Array[], stray = new Uint8Array(), late = new Uint8Array()) =>
      bytesOf(
        element(0x1a45dfa3, element(0x4282, 'matroska')),
        [0x18, 0x53, 0x80, 0x67, 0xff],
        ...[element(0x1654ae6b, ...tracks), stray],
        element(0x1f43b675, ...Array(10).fill(block)),
        late,
      )
    expectLasts(file([track(audio(8_000))]), 10)
    expectNotCounted(file([track(audio(8_000))], audio(768_000)))
    expectNotCounted(file([track(audio(8_000))], element(0xb5, double(768_000))))
    expectNotCounted(file([track(audio(8_000)), audio(768_000)]))
    expectNotCounted(file([track(audio(8_000), audio(768_000))]))
    expectNotCounted(file([track(audio(8_000), element(0x86, 'A_OPUS'))]))
    expectNotCounted(file([track(audio(768_000)), track(audio(8_000))]))
    const tracks = element(0x1654ae6b, track(audio(8_000)))
    expectNotCounted(file([], new Uint8Array(), tracks))
  })

  test('a Matroska block with several frames, or longer ones than there are', () => {
    const file = (codec: string, block: Uint8Array) =>
      bytesOf(
        element(0x1a45dfa3, element(0x4282, 'matroska')),
        [0x18, 0x53, 0x80, 0x67, 0xff],
        element(
          0x1654ae6b,
          element(0xae, element(0xd7, 1), element(0x83, 2), element(0x86, codec)),
        ),
        element(0x1f43b675, element(0xa3, [0x81, 0, 0, 0x80], block)),
      )
    expectLasts(file('A_MPEG/L3', frames.slice(0, 72)), 0.072)
    expectNotCounted(file('A_MPEG/L3', frames.slice(0, 720)))
    expectLasts(file('A_OPUS', bytesOf([0xf8], new Uint8Array(61_297))), 0.02)
    expectNotCounted(file('A_OPUS', bytesOf([0xf8], new Uint8Array(61_298))))
  })

  test('an Ogg with longer packets than Opus has, or with pages in its pages', () => {
    const file = opusFile({ seconds: 1 })
    const page = oggPage({ packets: [bytesOf([0xf8], new Uint8Array(50_000))] })
    // The first packet goes on in the second page.
    const begun = oggPage({ packets: [new Uint8Array(236 * 255)] })
    begun[26] = 236
    const open = bytesOf(begun.slice(0, 27 + 236), 0xf8, new Uint8Array(236 * 255 - 1))
    const rest = (bytes: number) => oggPage({ packets: [new Uint8Array(bytes)], flags: 1 })
    expectLasts(bytesOf(file, page), 1.02)
    expectLasts(bytesOf(file, open, rest(1_118)), 1.02)
    expectNotCounted(bytesOf(file, open, rest(1_119)))
    const inner = oggPage({ packets: [bytesOf([0xf8], oggPage({ packets: [bytesOf([0xf8])] }))] })
    expectNotCounted(bytesOf(file, inner))
  })

  test('an Ogg packet with several frames of FLAC, and be their CRC wrong', () => {
    const info = flacFile({ seconds: 1 }).slice(4, 42)
    const head = oggPage({
      packets: [bytesOf('\x7fFLAC', 1, 0, big(0, 2), 'fLaC', info)],
      flags: 2,
    })
    const file = (...frames: Uint8Array[]) =>
      bytesOf(head, oggPage({ packets: [bytesOf('\x84comment')] }), oggPage({ packets: frames }))
    const wrong = flacFrame(0).slice()
    wrong[wrong.length - 1] = (wrong.at(-1) as number) ^ 1
    expectLasts(file(flacFrame(0), flacFrame(1)), 1)
    expectNotCounted(file(bytesOf(flacFrame(0), flacFrame(1))))
    expectNotCounted(file(bytesOf(wrong, flacFrame(1))))
  })

  test('a WAV or AIFF with more than one format', () => {
    const format = (rate: number) =>
      bytesOf('fmt ', little(16, 4), little(1, 2), little(1, 2), little(rate, 4), little(rate, 4), [
        ...[1, 0, 8, 0],
      ])
    const data = bytesOf('data', little(80_000, 4), new Uint8Array(80_000))
    const wav = (rates: number[]) =>
      bytesOf('RIFF', little(0, 4), 'WAVE', ...rates.map(format), data)
    expectLasts(wav([8_000]), 10)
    expectNotCounted(wav([192_000, 192_000, 192_000, 192_000, 8_000]))
    expectNotCounted(wav([192_000, 8_000]))
    const aiff = audioFiles.AIFF?.({ seconds: 10 }) as Uint8Array
    expectNotCounted(bytesOf(aiff.slice(0, 12), aiff.slice(12, 38), aiff.slice(12)))
  })
})

test('what is no audio is none, and what only looks like it has no length', () => {
  expect(countSeconds(bytesOf('just a text'))).toBeUndefined()
  expect(countSeconds(new Uint8Array())).toBeUndefined()
  for (const head of [
    'RIFF....WAVE',
    'FORM....AIFF',
    'fLaC',
    'OggS',
    '\x1aE\xdf\xa3',
    '#!AMR\n',
    '\0\0\0\x08ftyp',
  ]) {
    expect(countSeconds(bytesOf(head))?.seconds).toBeUndefined()
  }
})

test('no bytes make the counting fail, or last for ever', () => {
  const files = kinds.map(([, fileOf]) => fileOf({ seconds: 2 }))
  const damage = fc.array(fc.tuple(fc.nat(400), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)), {
    maxLength: 12,
  })
  fc.assert(
    fc.property(fc.constantFrom(...files), damage, fc.nat(2_000), (file, changes, length) => {
      const damaged = file.slice(0, length)
      for (const [at, byte] of changes) if (at < damaged.length) damaged[at] = byte
      const counted = countSeconds(damaged)
      for (const seconds of [counted?.seconds, counted?.claimedSeconds]) {
        if (seconds !== undefined) expect(seconds).toBeGreaterThan(0)
      }
    }),
    { numRuns: 2_000 },
  )
})
