/** 16-bit PCM WAV: the demo's speech synthesis writes it, and its transcription reads it. */

const headerBytes = 44

/** The 44-byte header of a mono file; `sampleCount` must be known before the first sample is sent. */
export function wavHeader(sampleCount: number, sampleRate: number): Uint8Array<ArrayBuffer> {
  const header = new DataView(new ArrayBuffer(headerBytes))
  const dataBytes = sampleCount * 2
  writeText(header, 0, 'RIFF')
  header.setUint32(4, headerBytes - 8 + dataBytes, true)
  writeText(header, 8, 'WAVEfmt ')
  header.setUint32(16, 16, true) // bytes of the fmt chunk
  header.setUint16(20, 1, true) // PCM
  header.setUint16(22, 1, true) // channels
  header.setUint32(24, sampleRate, true)
  header.setUint32(28, sampleRate * 2, true) // bytes a second
  header.setUint16(32, 2, true) // bytes of one sample of all channels
  header.setUint16(34, 16, true) // bits
  writeText(header, 36, 'data')
  header.setUint32(40, dataBytes, true)
  return new Uint8Array(header.buffer)
}

interface PcmAudio {
  readonly durationSeconds: number
  /** Root mean square against full scale; -Infinity for silence. */
  readonly loudnessDbfs: number
}

/** Measures a 16-bit PCM WAV; undefined for anything else. A truncated file is measured as far as it goes. */
export function measureWav(bytes: Uint8Array): PcmAudio | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || readText(view, 0) !== 'RIFF' || readText(view, 8) !== 'WAVE') return
  let format: { sampleRate: number; channels: number } | undefined
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = readText(view, at)
    const size = view.getUint32(at + 4, true)
    const start = at + 8
    if (name === 'fmt ' && start + 16 <= bytes.length) format = readFormat(view, start)
    if (name === 'data' && format) {
      const end = Math.min(start + size, bytes.length)
      return measureSamples(view, start, end, format)
    }
    at = start + size + (size % 2)
  }
}

function readFormat(view: DataView, at: number) {
  const isPcm16 = view.getUint16(at, true) === 1 && view.getUint16(at + 14, true) === 16
  const channels = view.getUint16(at + 2, true)
  const sampleRate = view.getUint32(at + 4, true)
  return isPcm16 && channels > 0 && sampleRate > 0 ? { sampleRate, channels } : undefined
}

function measureSamples(
  view: DataView,
  start: number,
  end: number,
  format: { sampleRate: number; channels: number },
): PcmAudio {
  const count = Math.floor((end - start) / 2)
  let squares = 0
  for (let i = 0; i < count; i += 1) squares += (view.getInt16(start + 2 * i, true) / 32_768) ** 2
  const durationSeconds = Math.floor(count / format.channels) / format.sampleRate
  return { durationSeconds, loudnessDbfs: 10 * Math.log10(squares / Math.max(count, 1)) }
}

function writeText(view: DataView, at: number, text: string): void {
  for (let i = 0; i < text.length; i += 1) view.setUint8(at + i, text.charCodeAt(i))
}

function readText(view: DataView, at: number): string {
  return String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 4))
}
