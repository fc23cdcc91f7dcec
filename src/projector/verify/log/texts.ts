/** Texts that stand in very many events, such as ids of accounts and names of types: each is decoded once. */

interface Known {
  readonly bytes: Uint8Array
  /** The same bytes: four at a time are compared faster. */
  readonly view: DataView
  readonly text: string
  /** Another text of the same sum. */
  readonly next: Known | undefined
}

/** Of texts that end alike, no more are kept: to look through them takes longer than to decode one. */
const maxAlike = 8

/** Of a text that is longer, the last ones. */
const summedBytes = 12

export class Texts {
  readonly #bySum = new Map<number, Known>()
  readonly #maxSums: number

  /** @param maxSums of so many texts, which differ at their ends, all are forgotten */
  constructor(maxSums = Number.POSITIVE_INFINITY) {
    this.#maxSums = maxSums
  }

  /**
   * The text of UTF-8 bytes.
   * @param view of the same memory
   */
  of(bytes: Buffer, view: DataView, start: number, end: number): string {
    const sum = sumOf(bytes, view, start, end)
    const first = this.#bySum.get(sum)
    let alike = 0
    for (let known = first; known; known = known.next) {
      if (isSame(known, bytes, view, start, end)) return known.text
      alike++
    }
    const text = bytes.toString('utf8', start, end)
    if (alike >= maxAlike) return text
    if (this.#bySum.size >= this.#maxSums) this.#bySum.clear()
    const own = Uint8Array.prototype.slice.call(bytes, start, end)
    this.#bySum.set(sum, { bytes: own, view: new DataView(own.buffer), text, next: first })
    return text
  }
}

/** Of its length and its last bytes, for ids differ at their ends. */
function sumOf(bytes: Uint8Array, view: DataView, start: number, end: number): number {
  let sum = end - start
  if (sum >= summedBytes) {
    for (let i = end - summedBytes; i < end; i += 4) {
      sum = (Math.imul(sum, 0x9e3779b1) ^ view.getInt32(i)) | 0
      sum ^= sum >>> 15
    }
    return sum
  }
  for (let i = start; i < end; i++) sum = (Math.imul(sum, 31) + (bytes[i] as number)) | 0
  return sum
}

function isSame(
  known: Known,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
): boolean {
  const length = end - start
  if (known.bytes.length !== length) return false
  let i = 0
  for (; i + 4 <= length; i += 4) {
    if (known.view.getInt32(i) !== view.getInt32(start + i)) return false
  }
  for (; i < length; i++) if (known.bytes[i] !== bytes[start + i]) return false
  return true
}
