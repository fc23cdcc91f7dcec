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
const privateColumn = columns.indexOf('private')
const eventHash = columns.indexOf('event_hash')

const lineFeed = 10
const microsFrom1970To2000 = 946_684_800_000_000

/** A number of 64 bits has 20 characters at most, and a brace or a comma. */
const integerBytes = 21

export class EventHasher {
  #text = new Uint8Array(4_096)
  #view = new DataView(this.#text.buffer)
  readonly #hash = new Uint8Array(32)
  /** Views of the text by their lengths: to make one takes as long as a fifth of the hash. */
  readonly #views: Uint8Array[] = []

  /** What is wrong with what is hashed of an event; undefined: nothing. */
  fault(event: LogEvent): string | undefined {
    this.#ensureCapacity(event)
    const end = writeEvent(this.#text, this.#view, event)
    if (end < 0) return 'a field of it is of a form that the ledger does not write'
    Bun.SHA256.hash(this.#textUpTo(end), this.#hash)
    return isHashOf(this.#hash, event) ? undefined : 'its event hash is not that of its fields'
  }

  #textUpTo(end: number): Uint8Array {
    let view = this.#views[end]
    if (!view) {
      view = this.#text.subarray(0, end)
      this.#views[end] = view
    }
    return view
  }

  /** A number in an array has 12 bytes, and each byte of what is private two digits. */
  #ensureCapacity({ starts, lengths }: LogEvent): void {
    const from = starts[0] as number
    const bytes =
      (starts[eventHash] as number) - from + Math.max(lengths[privateColumn] as number, 0)
    const most = 2 * bytes + columns.length * integerBytes
    if (most <= this.#text.length) return
    this.#text = new Uint8Array(most * 2)
    this.#view = new DataView(this.#text.buffer)
    this.#views.length = 0
  }
}

function isHashOf(hash: Uint8Array, { bytes, starts, lengths }: LogEvent): boolean {
  if (lengths[eventHash] !== 32) return false
  const start = starts[eventHash] as number
  for (let i = 0; i < 32; i++) if (hash[i] !== bytes[start + i]) return false
  return true
}

// What follows writes after an end, and returns the new one; -1: the field is of a form that the ledger does not write.

function writeEvent(to: Uint8Array, toView: DataView, event: LogEvent): number {
  const { bytes, view, starts, lengths } = event
  let end = 0
  for (let column = 0; column < eventHash; column++) {
    const start = starts[column] as number
    const length = lengths[column] as number
    // Events that were written before it came have none.
    if (column === login && length < 0) continue
    if (column > 0) to[end++] = lineFeed
    if (length < 0) continue
    const kind = kindOf[column]
    if (kind === 'text') end = writeText(toView, end, view, start, length)
    else if (kind === 'integer') end = writeInteger(to, end, view, start, length, 0)
    else if (kind === 'time') {
      end = writeInteger(to, end, view, start, length, microsFrom1970To2000)
    } else if (kind === 'integers') end = writeIntegers(to, end, view, start)
    else end = writeHex(to, end, bytes, start, length)
    if (end < 0) return -1
  }
  return end
}

/** A field with a line feed could be two. Four bytes at a time take half as long as one at a time. */
function writeText(
  to: DataView,
  end: number,
  from: DataView,
  start: number,
  length: number,
): number {
  let lineFeeds = 0
  let i = 0
  for (; i + 4 <= length; i += 4) {
    const word = from.getInt32(start + i)
    // One of its bytes is 0 where line feeds are.
    const others = word ^ 0x0a0a0a0a
    lineFeeds |= (others - 0x01010101) & ~others & 0x80808080
    to.setInt32(end + i, word)
  }
  for (; i < length; i++) {
    const byte = from.getUint8(start + i)
    if (byte === lineFeed) lineFeeds = 1
    to.setUint8(end + i, byte)
  }
  return lineFeeds === 0 ? end + length : -1
}

function writeInteger(
  to: Uint8Array,
  end: number,
  view: DataView,
  start: number,
  length: number,
  more: number,
): number {
  const value = integerAt(view, start, length) + more
  if (Number.isSafeInteger(value)) return writeNumber(to, end, value)
  const digits = String(view.getBigInt64(start) + BigInt(more))
  for (let i = 0; i < digits.length; i++) to[end + i] = digits.charCodeAt(i)
  return end + digits.length
}

function writeIntegers(to: Uint8Array, begin: number, view: DataView, start: number): number {
  if (!isPlainArray(view, start)) return -1
  const count = arrayLength(view, start)
  let end = begin
  to[end++] = 123
  for (let i = 0; i < count; i++) {
    if (i > 0) to[end++] = 44
    end = writeInteger(to, end, view, elementAt(start, i), 8, 0)
  }
  to[end++] = 125
  return end
}

function writeHex(
  to: Uint8Array,
  begin: number,
  bytes: Uint8Array,
  start: number,
  length: number,
): number {
  const digit = (value: number) => (value < 10 ? 48 + value : 87 + value)
  let end = begin
  for (let i = start; i < start + length; i++) {
    const byte = bytes[i] as number
    to[end++] = digit(byte >> 4)
    to[end++] = digit(byte & 15)
  }
  return end
}

const billion = 1_000_000_000

function writeNumber(to: Uint8Array, begin: number, value: number): number {
  let end = begin
  let rest = value
  if (rest < 0) {
    to[end++] = 45
    rest = -rest
  }
  if (rest < billion) return writeDigits(to, end, rest, digitsOf(rest))
  // Two halves: integers of 32 bits are divided faster.
  const high = Math.floor(rest / billion)
  end = writeDigits(to, end, high, digitsOf(high))
  return writeDigits(to, end, rest - high * billion, 9)
}

function writeDigits(to: Uint8Array, end: number, value: number, digits: number): number {
  let rest = value | 0
  for (let i = end + digits - 1; i >= end; i--) {
    const next = (rest / 10) | 0
    to[i] = 48 + rest - next * 10
    rest = next
  }
  return end + digits
}

function digitsOf(value: number): number {
  let digits = 1
  for (let power = 10; value >= power; power *= 10) digits++
  return digits
}
