/**
 * Turns a text into tones: a soft one for each syllable, with rests between words and sentences. The whole plan is made
 * before the first sample, because the WAV header contains the length.
 */

export const sampleRate = 22_050

const syllableSeconds = 0.16
const wordRestSeconds = 0.06
const sentenceRestSeconds = 0.3
const steps = [0, 4, 2, 5] // semitones above the voice's pitch: a little melody

export interface TonePlan {
  readonly sampleCount: number
  /** The samples as little-endian 16-bit bytes, a tone or a rest at a time. */
  sounds(): Generator<Uint8Array<ArrayBuffer>>
}

/** @param voice its name decides the pitch @param speed 1 is normal, 2 is twice as fast */
export function planTones(text: string, voice: string, speed: number): TonePlan {
  const samplesIn = (seconds: number) => Math.round((seconds * sampleRate) / speed)
  const tones = steps.map((step) =>
    tone(pitchOf(voice) * 2 ** (step / 12), samplesIn(syllableSeconds)),
  )
  const wordRest = new Uint8Array(2 * samplesIn(wordRestSeconds))
  const sentenceRest = new Uint8Array(2 * samplesIn(sentenceRestSeconds))
  const words = text
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => ({
      syllables: syllablesIn(word),
      rest: endsSentence(word) ? sentenceRest : wordRest,
    }))

  return {
    sampleCount: words.reduce(
      (sum, { syllables, rest }) => sum + syllables * samplesIn(syllableSeconds) + rest.length / 2,
      0,
    ),
    *sounds() {
      let played = 0
      for (const { syllables, rest } of words) {
        for (let i = 0; i < syllables; i += 1) yield tones[played++ % tones.length] ?? rest
        yield rest
      }
    },
  }
}

/** Whether a full stop or the like stands behind its last letter. */
function endsSentence(word: string): boolean {
  const [end = ''] = word.split(/\p{L}/u).slice(-1)
  return /[.!?。！？]/.test(end)
}

/** A rough count: one for each group of Latin vowels, and one for each character of any other script. */
function syllablesIn(word: string): number {
  const plain = word.normalize('NFKD').replace(/\p{M}/gu, '')
  return Math.max(1, plain.match(/[aeiouy]+|(?!\p{Script=Latin})\p{L}|\p{N}/giu)?.length ?? 0)
}

/** Between 180 and 330 hertz, the same for the same name. */
function pitchOf(voice: string): number {
  return 180 + (Bun.hash.crc32(voice) % 151)
}

function tone(hertz: number, sampleCount: number): Uint8Array<ArrayBuffer> {
  const samples = new DataView(new ArrayBuffer(2 * sampleCount))
  for (let i = 0; i < sampleCount; i += 1) {
    // The bell shape lets the tone begin and end without a click.
    const loudness = 0.2 * Math.sin((Math.PI * i) / sampleCount) ** 2
    const wave = Math.sin((2 * Math.PI * hertz * i) / sampleRate)
    samples.setInt16(2 * i, Math.round(32_767 * loudness * wave), true)
  }
  return new Uint8Array(samples.buffer)
}
