/**
 * How long the sound in a file lasts, by what is in it. Headers come from strangers and decide a price, so what they say of
 * the length is not believed where frames, packets or bytes can be counted. Each file is gone through once, in a time that is
 * proportional to its size.
 */
import { countAiff } from './aiff.ts'
import { countAmr } from './amr.ts'
import { type Counted, textAt } from './counted.ts'
import { countFlac } from './flac.ts'
import { countMatroska } from './matroska.ts'
import { countMp4 } from './mp4.ts'
import { afterTags, countMpeg } from './mpeg.ts'
import { countOgg } from './ogg.ts'
import { countWav } from './wav.ts'

/** undefined for what is none of these containers. Tags may stand before any of them. */
export function countSeconds(file: Uint8Array): Counted | undefined {
  const bytes = file.subarray(afterTags(file))
  const head = textAt(bytes, 0, 12)
  if (/^(RIFF|RF64|BW64)[\s\S]{4}WAVE$/.test(head)) return countWav(bytes)
  if (/^FORM[\s\S]{4}AIF[FC]$/.test(head)) return countAiff(bytes)
  if (head.startsWith('fLaC')) return countFlac(bytes)
  if (head.startsWith('OggS')) return countOgg(bytes)
  if (head.startsWith('\x1aE\xdf\xa3')) return countMatroska(bytes)
  if (/^#!AMR(-WB)?\n/.test(head)) return countAmr(bytes)
  if (/^[\s\S]{4}(ftyp|moov|mdat|wide|free|skip|pnot)/.test(head)) return countMp4(bytes)
  return countMpeg(bytes)
}
