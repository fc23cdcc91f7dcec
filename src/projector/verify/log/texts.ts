/** Texts that stand in very many events, such as ids of accounts and names of types: each is decoded once. */

interface Known {
  readonly bytes: Uint8Array
  readonly text: string
  /** Another text of the same sum. */
  readonly next: Known | undefined
}

/** Of a text that is longer, the last ones. */
const summedBytes = 12

export class Texts {
  readonly #bySum = new Map<number, Known>()

  /** The text of UTF-8 bytes. */
  of(bytes: Buffer, start: number, end: number): string {
    // Ids differ at their ends.
    let sum = end - start
    for (let i = Math.max(start, end - summedBytes); i < end; i++) {
      sum = (Math.imul(sum, 31) + (bytes[i] as number)) | 0
    }
    const first = this.#bySum.get(sum)
    for (let known = first; known; known = known.next) {
      if (isSame(known.bytes, bytes, start, end)) return known.text
    }
    const known = {
      bytes: Uint8Array.prototype.slice.call(bytes, start, end),
      text: bytes.toString('utf8', start, end),
      next: first,
    }
    this.#bySum.set(sum, known)
    return known.text
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false
  return true
}
