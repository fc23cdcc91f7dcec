/** Copies of a life in one log: each event of it follows for one account after the other, with ids and lots of its own. */

import {
  adjustDigest,
  grantDigest,
  importDigest,
  packDigest,
  recordDigest,
  refundDigest,
} from '../../src/ledger/commands/command-digests.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { accountIdOf } from '../../src/lib/ids.ts'

/** A row of `events` as JSON; bytea is hex. */
export type EventRow = Readonly<Record<string, unknown>> & {
  readonly position: number
  readonly type: string
  readonly account_id: string | null
  readonly payload: Readonly<Record<string, unknown>>
}

export interface Copies {
  /** The position of the event that stands at a position of the life, in a copy. */
  at(position: number, copy: number): number
  /** The copy that an event belongs to; undefined: it is of the ledger or of tariffs, and there once. */
  copyAt(position: number): number | undefined
  /** The texts and lots of a copy for those of the life. */
  translate<T>(value: T, copy: number): T
}

export async function readLife(sql: Sql): Promise<EventRow[]> {
  const rows = await sql<{ row: EventRow }[]>`
    select to_jsonb(e) - 'event_hash' as row from events e order by position`
  return rows.map(({ row }) => row)
}

/** Writes so many copies in the place of the life. @param vandal may change the log */
export async function writeCopies(
  vandal: Sql,
  life: readonly EventRow[],
  count: number,
): Promise<Copies> {
  const firsts: number[] = []
  const ofPosition: (number | undefined)[] = []
  let next = 1
  for (const { account_id } of life) {
    firsts.push(next)
    const times = account_id === null ? 1 : count
    for (let i = 0; i < times; i++) ofPosition[next + i] = account_id === null ? undefined : i
    next += times
  }
  const isOnce = (position: number) => life[position - 1]?.account_id === null
  const at = (position: number, copy: number) =>
    (firsts[position - 1] ?? 0) + (isOnce(position) ? 0 : copy)
  const names = namesIn(life)

  function translate<T>(value: T, copy: number): T {
    let text = JSON.stringify(value)
    for (const [name, kind] of names) text = text.replaceAll(name, nameIn(name, kind, copy))
    return JSON.parse(text)
  }

  const copies: Copies = { at, copyAt: (position) => ofPosition[position], translate }
  await vandal`delete from events`
  for (const row of life) {
    const rows = Array.from({ length: isOnce(row.position) ? 1 : count }, (_, copy) =>
      copyOf(copies, row, copy),
    )
    await vandal`
      insert into events (${vandal.unsafe(columns.join(', '))}, event_hash)
      select ${vandal.unsafe(columns.join(', '))}, hash_event(${vandal.unsafe(columns.join(', '))})
      from json_populate_recordset(null::events, ${JSON.stringify(rows)}::text::json)`
  }
  await vandal`update heads set position = ${next - 1}`
  await copyCommands(vandal, copies, life, count)
  return copies
}

interface CommandRow {
  readonly command_id: string
  readonly result: { readonly positions: readonly number[] }
}

/** The commands that the copies' events came of, with the hashes that they would have had. */
async function copyCommands(
  vandal: Sql,
  copies: Copies,
  life: readonly EventRow[],
  count: number,
): Promise<void> {
  const rows = await vandal<
    { row: CommandRow }[]
  >`select to_jsonb(c) as row from management_commands c`
  await vandal`delete from management_commands`
  const made = rows.flatMap(({ row }) => {
    const events = row.result.positions.map((position) => life[position - 1] as EventRow)
    const times = events[0]?.account_id === null ? 1 : count
    return Array.from({ length: times }, (_, copy) => ({
      ...copies.translate(row, copy),
      command_id: copies.translate(
        row.command_id.startsWith('external') ? row.command_id : `${row.command_id} ${copy}`,
        copy,
      ),
      result: {
        ...row.result,
        positions: row.result.positions.map((position) => copies.at(position, copy)),
      },
      request_hash: digestOf(copies.translate(events, copy)),
    }))
  })
  await vandal`
    insert into management_commands
    select * from json_populate_recordset(null::management_commands, ${JSON.stringify(made)}::text::json)`
}

function digestOf(events: readonly EventRow[]): string {
  // biome-ignore lint/suspicious/noExplicitAny: rows are read by type
  const rows = events as readonly any[]
  const {
    type,
    account_id: accountId,
    key_id: keyId,
    request_id: requestId,
    mode,
    credits,
    payload,
  } = rows[0]
  switch (type) {
    case 'CreditsGranted':
      if (payload.pack) return packDigest({ accountId, mode, pack: payload.pack })
      return grantDigest({ accountId, mode, credits, ...payload })
    case 'CreditsAdjusted':
    case 'DebtRecorded':
      return adjustDigest({
        accountId,
        mode,
        credits: rows.reduce((sum, row) => sum + row.credits, 0),
      })
    case 'ChargeRefunded':
      return refundDigest({ requestId, credits })
    case 'UsageImported': {
      const { occurred_at, endpoint, quantity: calls } = rows[0]
      const time = new Date(occurred_at).toISOString()
      return importDigest({ keyId, usage: [{ time, endpoint, calls, credits, ...payload }] })
    }
    default:
      return recordDigest(
        rows.map((row) => ({
          ...{ type: row.type, payload: row.payload },
          ...(row.account_id && { accountId: row.account_id }),
          ...(row.key_id && { keyId: row.key_id, mode: row.mode }),
        })),
      )
  }
}

function copyOf(copies: Copies, row: EventRow, copy: number): EventRow {
  const { lots, payload } = row as EventRow & { lots: number[] | null }
  const { lostFrom, deliveredUpTo } = payload
  const translated = copies.translate(row, copy)
  return {
    ...translated,
    position: copies.at(row.position, copy),
    lots: lots?.map((lot) => copies.at(lot, copy)) ?? null,
    payload: {
      ...translated.payload,
      ...(lostFrom === undefined ? {} : { lostFrom: copies.at(row.position, copy) }),
      ...(deliveredUpTo === undefined ? {} : { deliveredUpTo: 0 }),
    },
  } as EventRow
}

/** All but the hash, in the order in which they are hashed. */
const columns = (
  'shard, position, recorded_at, occurred_at, type, stream_version, account_id, key_id, mode, request_id, endpoint, ' +
  'tariff, credits, quantity, slots, status, latency_ms, lots, held, moved, actor, instance, payload, private, login'
).split(', ')

/** Recomputes the hashes of events, as whoever changes a log would. */
export async function hashAgain(vandal: Sql, positions: readonly number[]): Promise<void> {
  await vandal`
    update events set event_hash = hash_event(${vandal.unsafe(columns.join(', '))})
    where position = any(${[...positions]}::bigint[])`
}

type Kind = 'account' | 'owner' | 'key' | 'request' | 'secret'

/** The texts of a life that name something of its account. */
function namesIn(life: readonly EventRow[]): Map<string, Kind> {
  const names = new Map<string, Kind>()
  for (const { account_id, key_id, request_id, payload } of life) {
    if (account_id) names.set(account_id, 'account')
    if (key_id) names.set(String(key_id), 'key')
    if (request_id) names.set(String(request_id), 'request')
    const { owner, hash } = payload as { owner?: { id: string }; hash?: string }
    if (owner) names.set(owner.id, 'owner')
    if (hash && key_id) names.set(hash, 'secret')
  }
  return names
}

/** An account's id is that of its owner, and a request's keeps its time. */
function nameIn(name: string, kind: Kind, copy: number): string {
  const own = Bun.SHA256.hash(`${name} ${copy}`, 'hex')
  switch (kind) {
    case 'account':
      return accountIdOf({ kind: 'user', id: `owner-${copy}` })
    case 'owner':
      return `owner-${copy}`
    case 'request':
      return `${name.slice(0, 24)}${own.slice(0, 12)}`
    case 'key':
      return `${name.slice(0, 8)}${own.slice(0, 18)}`
    case 'secret':
      return own
    default:
      return kind satisfies never
  }
}
