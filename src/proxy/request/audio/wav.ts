/**
 * WAV: how long the bytes of its `data` last by its `fmt `. Counted are the bytes that are there, in each `data`, and what
 * follows the last chunk: readers differ in how far they read.
 */
import { type Counted, countedAs, viewOf } from './counted.ts'
import { chunksOf } from './iff-chunks.ts'
import { mpegSeconds } from './mpeg.ts'

interface Format {
  readonly codec: number
  readonly channels: number
  readonly rate: number
  readonly blockBytes: number
  readonly bits: number
}

export function countWav(bytes: Uint8Array): Counted {
  let format: Format | undefined
  let formats = 0
  let soundBytes = 0
  let firstSound: number | undefined
  // Programs that cannot go back leave the size at 0: some readers then read nothing, and others all.
  let isOpen = false
  for (const { id, begin, size, present } of chunksOf(bytes, true)) {
    if (id === 'fmt ') formats++
    if (id === 'fmt ' && present >= 16) format = formatAt(bytes, begin, present)
    if (id === 'data' && size === 0) isOpen = true
    if (id !== 'data' && (id !== '' || firstSound === undefined)) continue
    soundBytes += present
    firstSound ??= begin
  }
  // Readers differ in which format holds, where there are two.
  if (isOpen || firstSound === undefined || format === undefined || formats > 1)
    return { container: 'WAVE' }
  return countedAs('WAVE', secondsOf(format, soundBytes, bytes.subarray(firstSound)))
}

function formatAt(bytes: Uint8Array, at: number, size: number): Format {
  const view = viewOf(bytes)
  const codec = view.getUint16(at, true)
  return {
    codec: codec === extensible && size >= 26 ? view.getUint16(at + 24, true) : codec,
    channels: view.getUint16(at + 2, true),
    rate: view.getUint32(at + 4, true),
    blockBytes: view.getUint16(at + 12, true),
    bits: view.getUint16(at + 14, true),
  }
}

const extensible = 0xfffe

/** NaN for a codec that is not known, and for a format without sense. */
function secondsOf(format: Format, soundBytes: number, sound: Uint8Array): number {
  const { codec, channels, rate, blockBytes, bits } = format
  switch (codec) {
    case 1: // PCM
    case 3: // floating point
      return soundBytes / sampleBytes(channels * Math.ceil(bits / 8), blockBytes) / rate
    case 6: // A-law
    case 7: // µ-law
      return soundBytes / channels / rate
    case 2: // Microsoft ADPCM: two samples in the header of a block, two in each further byte
      return blocks(soundBytes, blockBytes, 2 + ((blockBytes - 7 * channels) * 2) / channels) / rate
    case 0x11: // IMA ADPCM: one sample in the header
      return blocks(soundBytes, blockBytes, 1 + ((blockBytes - 4 * channels) * 2) / channels) / rate
    case 0x31: // GSM 6.10
      return blocks(soundBytes, 65, 320) / rate
    case 0x50: // MPEG layer 2
    case 0x55: // and 3
    case 0xff: // AAC
    case 0x1600:
      return mpegSeconds(sound) ?? Number.NaN
    default:
      return Number.NaN
  }
}

/** Two fields say it, and readers differ in which one they believe. */
function sampleBytes(bySamples: number, byBlocks: number): number {
  return Math.min(bySamples || byBlocks, byBlocks || bySamples)
}

function blocks(soundBytes: number, blockBytes: number, samples: number): number {
  return Math.ceil(soundBytes / blockBytes) * samples
}
