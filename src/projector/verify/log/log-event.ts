/**
 * An event of the log as PostgreSQL's binary COPY has it. One object is filled with row after row, and decodes of each what is
 * asked for: much of a row is only hashed. A rule keeps texts and numbers of an event, and never the object or its arrays.
 */
import type { Micros } from '../meaning/rare-events.ts'
import { Texts } from './texts.ts'

/** The columns that are read, in the order in which an event's hash has them. */
export const columns = [
  ...(['shard', 'position', 'recorded_at', 'occurred_at', 'type', 'stream_version'] as const),
  ...(['account_id', 'key_id', 'mode', 'request_id', 'endpoint', 'tariff'] as const),
  ...(['credits', 'quantity', 'slots', 'status', 'latency_ms', 'lots', 'held', 'moved'] as const),
  ...(['actor', 'instance', 'payload', 'private', 'login', 'event_hash'] as const),
] as const

const at = Object.fromEntries(columns.map((name, i) => [name, i])) as Record<
  (typeof columns)[number],
  number
>

/** What PostgreSQL counts its times from, as microseconds since 1970. */
const postgresEpoch = 946_684_800_000_000

/** Bytes of an array's head: dimensions, whether it has nulls, type, and of the one dimension its size and first index. */
const arrayHead = 20

/** Of payloads that are longer, each has something of its own. */
const maxAlikePayloadBytes = 80

export class LogEvent {
  /** The memory in which the row stands among others, in two views. */
  bytes: Buffer = Buffer.alloc(0)
  view = new DataView(this.bytes.buffer)
  /** Where each column begins there, and how many bytes it has; -1: it is null. */
  readonly starts = new Int32Array(columns.length)
  readonly lengths = new Int32Array(columns.length)
  readonly #texts = new Texts()
  /** Those of holds differ by the version of a key, those of charges by a lease. */
  readonly #payloads = new Texts(10_000)
  readonly #single = { lots: [0], held: [0], moved: [0] }
  #requestId: string | null | undefined
  #payloadText: string | undefined

  position = 0
  recordedAt: Micros = 0
  occurredAt: Micros = 0
  type = ''
  accountId: string | null = null
  keyId: string | null = null
  /** Of the same text always the same ones; -1: it is null, or has none. */
  accountNumber = -1
  keyNumber = -1
  mode: string | null = null
  endpoint: string | null = null
  tariff: string | null = null
  credits: number | null = null
  quantity: number | null = null
  slots: number | null = null
  /** A bit for each column that is not null, see `bitsOf`. */
  present = 0
  /** An element that is null, or an array of another form than the ledger writes, counts as nothing: the hash names it. */
  lots: readonly number[] | null = null
  held: readonly number[] | null = null
  moved: readonly number[] | null = null

  /** Takes the row that begins there; returns where it ends, or -1: not all of it has come. */
  take(bytes: Buffer, start: number): number {
    if (bytes.buffer !== this.view.buffer) {
      this.bytes = Buffer.from(bytes.buffer)
      this.view = new DataView(bytes.buffer)
    }
    const { byteOffset } = bytes
    const end = this.#find(byteOffset + start, byteOffset + bytes.length)
    if (end < 0) return -1
    this.position = this.#integer(at.position) ?? 0
    this.recordedAt = (this.#integer(at.recorded_at) ?? 0) + postgresEpoch
    this.occurredAt = (this.#integer(at.occurred_at) ?? 0) + postgresEpoch
    this.type = this.#text(at.type) ?? ''
    this.accountNumber = this.#number(at.account_id)
    this.accountId = this.#textOf(at.account_id, this.accountNumber)
    this.keyNumber = this.#number(at.key_id)
    this.keyId = this.#textOf(at.key_id, this.keyNumber)
    this.mode = this.#text(at.mode)
    this.endpoint = this.#text(at.endpoint)
    this.tariff = this.#text(at.tariff)
    this.credits = this.#integer(at.credits)
    this.quantity = this.#integer(at.quantity)
    this.slots = this.#integer(at.slots)
    this.lots = this.#integers(at.lots, this.#single.lots)
    this.held = this.#integers(at.held, this.#single.held)
    this.moved = this.#integers(at.moved, this.#single.moved)
    this.#requestId = undefined
    this.#payloadText = undefined
    return end - byteOffset
  }

  #find(start: number, end: number): number {
    const { view, starts, lengths } = this
    let next = start + 2
    let present = 0
    for (let i = 0; i < starts.length; i++) {
      if (next + 4 > end) return -1
      const length = view.getInt32(next)
      next += 4
      starts[i] = next
      lengths[i] = length
      if (length > 0) next += length
      if (length >= 0) present |= 1 << i
    }
    this.present = present
    return next <= end ? next : -1
  }

  get streamVersion(): number | null {
    return this.#integer(at.stream_version)
  }
  get actor(): string {
    return this.#text(at.actor) ?? ''
  }
  get instance(): string {
    return this.#text(at.instance) ?? ''
  }
  get requestId(): string | null {
    if (this.#requestId === undefined) this.#requestId = this.#decode(at.request_id)
    return this.#requestId
  }
  /** As it was written. */
  get payloadText(): string {
    if (this.#payloadText === undefined) {
      const length = this.lengths[at.payload] as number
      const start = this.starts[at.payload] as number
      this.#payloadText =
        length < 0
          ? '{}'
          : length > maxAlikePayloadBytes
            ? this.bytes.toString('utf8', start, start + length)
            : this.#payloads.of(this.bytes, this.view, start, start + length)
    }
    return this.#payloadText
  }
  // biome-ignore lint/suspicious/noExplicitAny: whoever reads it knows the type
  get payload(): any {
    return JSON.parse(this.payloadText)
  }

  /** Whether its actor is its key. */
  isOfKey(): boolean {
    const { bytes, view, starts, lengths } = this
    const length = lengths[at.key_id] as number
    if (length < 0 || lengths[at.actor] !== length + 4) return false
    const actor = starts[at.actor] as number
    // `key:`
    if (view.getInt32(actor) !== 0x6b65793a) return false
    const key = starts[at.key_id] as number
    let i = 0
    for (; i + 4 <= length; i += 4) {
      if (view.getInt32(key + i) !== view.getInt32(actor + 4 + i)) return false
    }
    for (; i < length; i++) if (bytes[key + i] !== bytes[actor + 4 + i]) return false
    return true
  }

  /** Whether its request id looks like a UUIDv7, as that of whatever opens a request does. */
  isNamed(): boolean {
    if (this.lengths[at.request_id] !== 36) return false
    const { bytes } = this
    const start = this.starts[at.request_id] as number
    const hyphen = 45
    return (
      bytes[start + 8] === hyphen &&
      bytes[start + 13] === hyphen &&
      bytes[start + 14] === 55 &&
      bytes[start + 18] === hyphen &&
      bytes[start + 23] === hyphen
    )
  }

  #decode(column: number): string | null {
    const length = this.lengths[column] as number
    if (length < 0) return null
    const start = this.starts[column] as number
    return this.bytes.toString('utf8', start, start + length)
  }

  #text(column: number): string | null {
    const length = this.lengths[column] as number
    if (length < 0) return null
    const start = this.starts[column] as number
    return this.#texts.of(this.bytes, this.view, start, start + length)
  }

  #number(column: number): number {
    const length = this.lengths[column] as number
    if (length < 0) return -1
    const start = this.starts[column] as number
    return this.#texts.numberOf(this.bytes, this.view, start, start + length)
  }

  #textOf(column: number, number: number): string | null {
    return number < 0 ? this.#decode(column) : this.#texts.textOf(number)
  }

  #integer(column: number): number | null {
    const length = this.lengths[column] as number
    return length < 0 ? null : integerAt(this.view, this.starts[column] as number, length)
  }

  /** @param single is filled and returned for an array of one element, as nearly all are */
  #integers(column: number, single: number[]): readonly number[] | null {
    if ((this.lengths[column] as number) < 0) return null
    const start = this.starts[column] as number
    const { view } = this
    if (!isPlainArray(view, start)) return none
    const count = arrayLength(view, start)
    if (count === 1) {
      single[0] = integerAt(view, elementAt(start, 0), 8)
      return single
    }
    return Array.from({ length: count }, (_, i) => integerAt(view, elementAt(start, i), 8))
  }
}

const none: readonly number[] = []

/** The bits of columns in `present`. */
export function bitsOf(names: readonly (typeof columns)[number][]): number {
  return names.reduce((bits, name) => bits | (1 << at[name]), 0)
}

/** Of more than 2^53 the nearest number. */
export function integerAt(view: DataView, at: number, length: number): number {
  if (length === 8) return view.getInt32(at) * 4_294_967_296 + view.getUint32(at + 4)
  return length === 4 ? view.getInt32(at) : view.getInt16(at)
}

/** Whether an array is empty, or of one dimension that is counted from 1, without a null. */
export function isPlainArray(view: DataView, start: number): boolean {
  const dimensions = view.getInt32(start)
  return (
    dimensions === 0 ||
    (dimensions === 1 && view.getInt32(start + 4) === 0 && view.getInt32(start + 16) === 1)
  )
}

export function arrayLength(view: DataView, start: number): number {
  return view.getInt32(start) === 0 ? 0 : view.getInt32(start + 12)
}

/** Where the value of an element begins. Each has 8 bytes, and 4 before them for its length. */
export function elementAt(start: number, index: number): number {
  return start + arrayHead + 4 + index * 12
}
