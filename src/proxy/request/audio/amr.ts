/** AMR, narrow and wide band, as telephones record it: frames of 20 ms, whose first byte says how long they are. */
import { type Counted, countedAs, textAt } from './counted.ts'

/** By the type of the frame; further types have no sound and no length. */
const narrowBytes = [12, 13, 15, 17, 19, 20, 26, 31, 5]
const wideBytes = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5]

export function countAmr(bytes: Uint8Array): Counted {
  const isWide = textAt(bytes, 0, 9) === '#!AMR-WB\n'
  const lengths = isWide ? wideBytes : narrowBytes
  let frames = 0
  for (let at = isWide ? 9 : 6; at < bytes.length; frames++) {
    at += 1 + (lengths[((bytes[at] ?? 0) >> 3) & 15] ?? 0)
  }
  return countedAs('AMR', frames * 0.02)
}
