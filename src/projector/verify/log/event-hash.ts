/**
 * The event hash, computed here from the bytes of a row: the same text as that of `hash_event.sql`, whose fields are divided by line
 * feeds. So whoever changes that function changes nothing of what `verify` finds.
 */
import {
  arrayLength,
  columns,
  elementAt,
  integerAt,
  isPlainArray,
  type LogEvent,
} from './log-event.ts'

const kinds: Readonly<Record<string, 'integer' | 'time' | 'integers' | 'hex'>> = {
  ...{ shard: 'integer', position: 'integer', stream_version: 'integer', credits: 'integer' },
  ...{ quantity: 'integer', slots: 'integer', status: 'integer', latency_ms: 'integer' },
  ...{ recorded_at: 'time', occurred_at: 'time', private: 'hex' },
  ...{ lots: 'integers', held: 'integers', moved: 'integers' },
}
const kindOf = columns.map((name) => kinds[name] ?? 'text')
const login = columns.indexOf('login')
const eventHash = columns.indexOf('event_hash')

const lineFeed = 10
const microsFrom1970To2000 = 946_684_800_000_000

export class EventHasher {
  #text = new Uint8Array(4_096)
  #view = new DataView(this.#text.buffer)
  #end = 0
  readonly #hash = new Uint8Array(32)
  #isPlain = true
  readonly #views: Uint8Array[] = []

  /** What is wrong with what is hashed of an event; undefined: nothing. */
  fault(event: LogEvent): string | undefined {
    this.#write(event)
    if (!this.#isPlain) return 'a field of it is of a form that the ledger does not write'
    Bun.SHA256.hash(this.#hashed(), this.#hash)
    return this.#isHashOf(event) ? undefined : 'its event hash is not that of its fields'
  }

  /** Views of the text by their lengths: to make one takes as long as a fifth of the hash. */
  #hashed(): Uint8Array {
    let view = this.#views[this.#end]
    if (view?.buffer !== this.#text.buffer) {
      view = this.#text.subarray(0, this.#end)
      this.#views[this.#end] = view
    }
    return view
  }

  #isHashOf({ bytes, starts, lengths }: LogEvent): boolean {
    if (lengths[eventHash] !== 32) return false
    const start = starts[eventHash] as number
    for (let i = 0; i < 32; i++) if (this.#hash[i] !== bytes[start + i]) return false
    return true
  }

  #write({ bytes, view, starts, lengths }: LogEvent): void {
    this.#end = 0
    this.#isPlain = true
    for (let column = 0; column < eventHash; column++) {
      const start = starts[column] as number
      const length = lengths[column] as number
      // Events that were written before it came have none.
      if (column === login && length < 0) continue
      // Hex has two digits a byte, and an integer of 8 bytes up to 20.
      this.#ensureCapacity(length * 2 + 64)
      if (column > 0) this.#text[this.#end++] = lineFeed
      if (length < 0) continue
      switch (kindOf[column]) {
        case 'integer':
          this.#writeInteger(view, start, length, 0)
          break
        case 'time':
          this.#writeInteger(view, start, length, microsFrom1970To2000)
          break
        case 'integers':
          this.#writeIntegers(view, start)
          break
        case 'hex':
          this.#writeHex(bytes, start, length)
          break
        default:
          this.#writeText(bytes, view, start, length)
      }
    }
  }

  #ensureCapacity(length: number): void {
    if (this.#end + length <= this.#text.length) return
    const larger = new Uint8Array((this.#end + length) * 2)
    larger.set(this.#text)
    this.#text = larger
    this.#view = new DataView(larger.buffer)
  }

  /** A field with a line feed could be two. Four bytes at a time take half as long as one at a time. */
  #writeText(bytes: Uint8Array, from: DataView, start: number, length: number): void {
    const to = this.#view
    const end = this.#end
    let i = 0
    for (; i + 4 <= length; i += 4) {
      const word = from.getInt32(start + i)
      // Whether one of its bytes is 0 where line feeds are.
      const others = word ^ 0x0a0a0a0a
      if (((others - 0x01010101) & ~others & 0x80808080) !== 0) this.#isPlain = false
      to.setInt32(end + i, word)
    }
    for (; i < length; i++) {
      const byte = bytes[start + i] as number
      if (byte === lineFeed) this.#isPlain = false
      this.#text[end + i] = byte
    }
    this.#end = end + length
  }

  #writeInteger(view: DataView, start: number, length: number, more: number): void {
    const value = integerAt(view, start, length) + more
    if (Number.isSafeInteger(value)) {
      this.#writeNumber(value)
      return
    }
    const digits = String(view.getBigInt64(start) + BigInt(more))
    for (let i = 0; i < digits.length; i++) this.#text[this.#end++] = digits.charCodeAt(i)
  }

  #writeIntegers(view: DataView, start: number): void {
    if (!isPlainArray(view, start)) {
      this.#isPlain = false
      return
    }
    const count = arrayLength(view, start)
    this.#ensureCapacity(count * 21 + 2)
    this.#text[this.#end++] = 123
    for (let i = 0; i < count; i++) {
      if (i > 0) this.#text[this.#end++] = 44
      this.#writeInteger(view, elementAt(start, i), 8, 0)
    }
    this.#text[this.#end++] = 125
  }

  #writeHex(bytes: Uint8Array, start: number, length: number): void {
    const digit = (value: number) => (value < 10 ? 48 + value : 87 + value)
    for (let i = start; i < start + length; i++) {
      const byte = bytes[i] as number
      this.#text[this.#end++] = digit(byte >> 4)
      this.#text[this.#end++] = digit(byte & 15)
    }
  }

  #writeNumber(value: number): void {
    if (value < 0) {
      this.#text[this.#end++] = 45
      this.#writeNumber(-value)
    } else if (value < 1_000_000_000) this.#writeDigits(value, digitsOf(value))
    else {
      // Two halves: integers of 32 bits are divided faster.
      const high = Math.floor(value / 1_000_000_000)
      this.#writeNumber(high)
      this.#writeDigits(value - high * 1_000_000_000, 9)
    }
  }

  #writeDigits(value: number, digits: number): void {
    let rest = value | 0
    for (let i = digits - 1; i >= 0; i--) {
      const next = (rest / 10) | 0
      this.#text[this.#end + i] = 48 + rest - next * 10
      rest = next
    }
    this.#end += digits
  }
}

function digitsOf(value: number): number {
  let digits = 1
  for (let power = 10; value >= power; power *= 10) digits++
  return digits
}
