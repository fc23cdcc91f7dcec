/**
 * Texts that stand in very many events, such as ids of accounts and names of types: each is decoded once, and has a number. They are
 * found by a sum of their bytes, which stand in one piece of memory: of many thousand texts, each object on the way would have to be
 * fetched from far.
 */

/** Of texts whose sums lead to the same bucket, no more are looked through: that takes longer than to decode one. */
const maxAlike = 8

/** Of a text that is longer, the last ones. */
const summedBytes = 12

export class Texts {
  readonly #max: number
  readonly #texts: string[] = []
  /** Where the bytes of each begin, and after the last one the next text's. */
  readonly #starts: number[] = [0]
  #bytes = new Uint8Array(4_096)
  #view = new DataView(this.#bytes.buffer)
  /** The number of a text and 1, at the bucket of its sum or soon after it. */
  #buckets = new Int32Array(1_024)

  /** @param max of so many texts, all are forgotten */
  constructor(max = Number.POSITIVE_INFINITY) {
    this.#max = max
  }

  /** The text of UTF-8 bytes. */
  of(bytes: Buffer, view: DataView, start: number, end: number): string {
    const number = this.numberOf(bytes, view, start, end)
    return number < 0 ? bytes.toString('utf8', start, end) : this.textOf(number)
  }

  textOf(number: number): string {
    return this.#texts[number] as string
  }

  /**
   * The number of a text; -1: too many are like it.
   * @param view of the same memory
   */
  numberOf(bytes: Buffer, view: DataView, start: number, end: number): number {
    const buckets = this.#buckets
    const last = buckets.length - 1
    let bucket = sumOf(view, start, end) & last
    for (let alike = 0; alike < maxAlike; alike++) {
      const number = (buckets[bucket] as number) - 1
      if (number < 0) return this.#add(bytes, view, start, end)
      if (this.#is(number, view, start, end)) return number
      bucket = (bucket + 1) & last
    }
    return -1
  }

  #is(number: number, view: DataView, start: number, end: number): boolean {
    const known = this.#starts[number] as number
    const length = end - start
    if ((this.#starts[number + 1] as number) - known !== length) return false
    const own = this.#view
    let i = 0
    for (; i + 4 <= length; i += 4) {
      if (own.getInt32(known + i) !== view.getInt32(start + i)) return false
    }
    for (; i < length; i++) if (own.getUint8(known + i) !== view.getUint8(start + i)) return false
    return true
  }

  #add(bytes: Buffer, view: DataView, start: number, end: number): number {
    if (this.#texts.length >= this.#max) this.#forgetAll()
    if (this.#texts.length * 4 >= this.#buckets.length) this.#spread(this.#buckets.length * 4)
    const number = this.#texts.length
    const from = this.#starts[number] as number
    const to = from + end - start
    if (to > this.#bytes.length) this.#grow(to * 2)
    bytes.copy(this.#bytes, from, start, end)
    this.#starts.push(to)
    this.#texts.push(bytes.toString('utf8', start, end))
    this.#enter(number, sumOf(view, start, end))
    return number
  }

  /** Where every bucket that it may have is taken, it is not found again. */
  #enter(number: number, sum: number): void {
    const last = this.#buckets.length - 1
    for (let alike = 0; alike < maxAlike; alike++) {
      const bucket = (sum + alike) & last
      if (this.#buckets[bucket] !== 0) continue
      this.#buckets[bucket] = number + 1
      return
    }
  }

  #spread(buckets: number): void {
    this.#buckets = new Int32Array(buckets)
    for (let number = 0; number < this.#texts.length; number++) {
      const [start, end] = [this.#starts[number] as number, this.#starts[number + 1] as number]
      this.#enter(number, sumOf(this.#view, start, end))
    }
  }

  #grow(bytes: number): void {
    const larger = new Uint8Array(bytes)
    larger.set(this.#bytes)
    this.#bytes = larger
    this.#view = new DataView(larger.buffer)
  }

  #forgetAll(): void {
    this.#buckets.fill(0)
    this.#starts.length = 1
    this.#texts.length = 0
  }
}

/** Of its length and its last bytes, for ids differ at their ends. */
function sumOf(view: DataView, start: number, end: number): number {
  let sum = end - start
  let i = Math.max(start, end - summedBytes)
  for (; i + 4 <= end; i += 4) sum = mixed(sum ^ view.getInt32(i))
  for (; i < end; i++) sum = mixed(sum ^ view.getUint8(i))
  return sum
}

function mixed(sum: number): number {
  const product = Math.imul(sum, 0x9e3779b1)
  return product ^ (product >>> 15)
}
