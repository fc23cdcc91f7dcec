/**
 * Many events at once, column by column, as PostgreSQL copies them in its binary form. Reading them as rows takes several times
 * as long, for every value is a text then.
 */
import { once } from 'node:events'
import type { Sql } from '../../ledger/connect.ts'
import type { PositionRange } from './position-ranges.ts'

/** bytes: of any length, as hexadecimal text. */
type CopiedKind = 'integer' | 'time' | 'text' | 'integers' | 'bytes'

export interface CopiedColumn {
  /** As in the database. */
  readonly name: string
  readonly kind: CopiedKind
  readonly values: readonly CopiedValue[]
}

/** Integers, and times in microseconds since 1970, are bigints. */
type CopiedValue = bigint | string | readonly bigint[] | null

const columns: readonly { readonly name: string; readonly kind: CopiedKind }[] = [
  { name: 'shard', kind: 'integer' },
  { name: 'position', kind: 'integer' },
  { name: 'recorded_at', kind: 'time' },
  { name: 'occurred_at', kind: 'time' },
  { name: 'type', kind: 'text' },
  { name: 'stream_version', kind: 'integer' },
  { name: 'account_id', kind: 'text' },
  { name: 'key_id', kind: 'text' },
  { name: 'mode', kind: 'text' },
  { name: 'request_id', kind: 'text' },
  { name: 'endpoint', kind: 'text' },
  { name: 'tariff', kind: 'text' },
  { name: 'credits', kind: 'integer' },
  { name: 'quantity', kind: 'integer' },
  { name: 'slots', kind: 'integer' },
  { name: 'status', kind: 'integer' },
  { name: 'latency_ms', kind: 'integer' },
  { name: 'lots', kind: 'integers' },
  { name: 'held', kind: 'integers' },
  { name: 'moved', kind: 'integers' },
  { name: 'actor', kind: 'text' },
  { name: 'instance', kind: 'text' },
  { name: 'login', kind: 'text' },
  { name: 'payload', kind: 'text' },
  { name: 'event_hash', kind: 'bytes' },
]

/** In the form that the reader below expects, whatever type the column has. */
const castTo = { integer: '::int8', time: '', text: '::text', integers: '::int8[]', bytes: '' }

/** The events at these positions, in their order, with everything but the encrypted personal data. */
export async function copyEvents(
  sql: Sql,
  shard: number,
  { from, to }: PositionRange,
): Promise<CopiedColumn[]> {
  // COPY takes no parameters. These are numbers.
  const selected = columns.map(({ name, kind }) => name + castTo[kind]).join(', ')
  const stream = await sql
    .unsafe(
      `copy (select ${selected} from events where shard = ${Number(shard)}
        and position between ${Number(from)} and ${Number(to)} order by position) to stdout (format binary)`,
    )
    .readable()
  // Taken as it comes: a connection that is paused for its reader has been seen to end early. The positions bound what there is.
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
  await once(stream, 'end')
  return readCopied(Buffer.concat(chunks))
}

/** Signature, flags, and the length of an extension that there is not. */
const headBytes = 19
const microsTo2000 = 946_684_800_000_000n

function readCopied(bytes: Buffer): CopiedColumn[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = columns.map((): CopiedValue[] => [])
  // The same texts follow each other often.
  const last = columns.map(() => ({ from: 0, length: -1, text: '' }))
  let at = headBytes
  for (;;) {
    const fields = view.getInt16(at)
    at += 2
    if (fields === -1) break
    if (fields !== columns.length) throw new Error('a row that was copied has other columns')
    for (let i = 0; i < fields; i++) {
      const length = view.getInt32(at)
      at += 4
      values[i]?.push(length === -1 ? null : read(i, at, length))
      if (length > 0) at += length
    }
  }
  return columns.map((column, i) => ({ ...column, values: values[i] ?? [] }))

  function read(i: number, from: number, length: number): CopiedValue {
    switch (columns[i]?.kind) {
      case 'integer':
        return view.getBigInt64(from)
      case 'time':
        return view.getBigInt64(from) + microsTo2000
      case 'bytes':
        return bytes.toString('hex', from, from + length)
      case 'integers':
        return readIntegers(from, length)
      default:
        return readText(i, from, length)
    }
  }

  function readText(i: number, from: number, length: number): string {
    const known = last[i]
    if (known?.length === length && isSame(known.from, from, length)) return known.text
    const text = bytes.toString('utf8', from, from + length)
    last[i] = { from, length, text }
    return text
  }

  function isSame(one: number, other: number, length: number): boolean {
    for (let n = 0; n < length; n++) if (bytes[one + n] !== bytes[other + n]) return false
    return true
  }

  /** Dimensions, flags, type; then the length and the lower bound of the one dimension; then each with its length. */
  function readIntegers(from: number, length: number): bigint[] {
    const integers: bigint[] = []
    for (let next = from + 20; next < from + length; next += 12) {
      integers.push(view.getBigInt64(next + 4))
    }
    return integers
  }
}
