/**
 * What a statement is the sum of, summed up in PostgreSQL range by range of the log: an account may have
 * millions of calls in a month, and a process that read them one by one would take half a minute.
 *
 * Holds and what becomes of them, which are most of the log, come back as sums. All else an account
 * does is rare, and read event by event.
 */
import { frequentTypes, resolvingTypes, typesWith } from '../../../events/event-types.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { AccountRange } from '../log-reader/account-events.ts'
import { type Micros, printMicros } from '../log-reader/month.ts'
import type { Period } from '../log-reader/period.ts'

/** Like events of a bucket of time: 0 before the period, then its days by their number, then what is after. */
export interface CallSum {
  readonly bucket: number
  readonly endpoint: string | null
  readonly type: string
  readonly events: number
  /** Those that end a hold: not what ran on a standing one, which has one end for all. */
  readonly ends: number
  readonly quantity: number
  readonly credits: number
  readonly first: number
  readonly last: number
  /** While they are few, and of rare types always. */
  readonly positions: readonly number[] | null
}

/** How a lot was moved by events of a type. */
export interface LotSum {
  readonly lot: number
  /** 0: before the period, 1: in it, 2: after. */
  readonly periodBucket: 0 | 1 | 2
  readonly type: string
  /** null: before the lot expired; otherwise the time of one transaction after it. */
  readonly lateAt: Micros | null
  readonly held: number
  readonly moved: number
  /** Of what came late. */
  readonly positions: readonly number[] | null
}

export interface OpenHoldRow {
  readonly position: number
  readonly occurredAt: Micros
  readonly requestId: string
  readonly keyId: string
  /** null: a lease. */
  readonly endpoint: string | null
  readonly credits: number
}

export interface ChargeRow extends Omit<OpenHoldRow, 'endpoint'> {
  readonly endpoint: string
  readonly credits: number
  readonly quantity: number
  readonly tariff: string
}

/** So many positions are summed up in one statement: less than a second's work, for snapshots must not live long. */
const rangeSize = 250_000
/** Fewer are not worth a statement of their own. */
const fewest = 20_000
const atOnce = 2

/** A range in pieces of about one size, several at once, in their order. */
export async function* readInRanges<T>(
  range: AccountRange,
  read: (piece: AccountRange) => Promise<readonly T[]>,
  most = rangeSize,
): AsyncGenerator<T[]> {
  const positions = range.to - range.from + 1
  const rounds = Math.ceil(positions / (most * atOnce))
  const size = Math.max(Math.ceil(positions / (rounds * atOnce)), Math.min(fewest, most))
  for (let from = range.from; from <= range.to; from += size * atOnce) {
    const starts = Array.from({ length: atOnce }, (_, i) => from + i * size)
    const pieces = starts
      .filter((start) => start <= range.to)
      .map((start) => ({ ...range, from: start, to: Math.min(start + size - 1, range.to) }))
    yield (await Promise.all(pieces.map(read))).flat()
  }
}

/** @param late only what extends or resolves holds of the period or before it: of positions after the period */
export function readCallSums(
  sql: Sql,
  range: AccountRange,
  period: Period,
  late: boolean,
): Promise<CallSum[]> {
  const bounds = timesOf(sql, [...period.days.map(({ start }) => start), period.end])
  return hashed<CallSum>(
    sql,
    sql`
    select width_bucket(occurred_at, (select ${bounds})) as bucket, endpoint, type, count(*) as events,
      count(held) filter (where type = any(${sql.array([...resolvingTypes], 1009)})) as ends,
      total(quantity) as quantity, total(credits) as credits,
      min(position) as first, max(position) as last,
      case when count(*) <= 10 or type <> all(${sql.array([...frequentTypes], 1009)}) then array_agg(position) end as positions
    from events
    where ${isIn(sql, range)} and ${late ? isLate(sql, period) : sql`true`}
    group by 1, 2, 3`,
  )
}

/** @param expiries the lots that expire, with when */
export function readLotSums(
  sql: Sql,
  range: AccountRange,
  {
    period,
    late,
    expiries,
  }: { period: Period; late: boolean; expiries: ReadonlyMap<number, Micros> },
): Promise<LotSum[]> {
  const bucket = sql`width_bucket(occurred_at, (select ${timesOf(sql, [period.start, period.end])}))`
  const rows = sql`${isIn(sql, range)} and ${late ? isLate(sql, period) : sql`true`}`
  // Nearly every event draws on one lot, and taking that one's figures costs a fourth of unnesting them.
  return hashed<LotSum>(
    sql,
    sql`
    select e.lot, e.bucket as "periodBucket", e.type,
      case when e.recorded_at >= x.expires_at then (extract(epoch from e.recorded_at) * 1000000)::bigint end as "lateAt",
      total(e.held) as held, total(e.moved) as moved,
      array_agg(e.position) filter (where e.recorded_at >= x.expires_at) as positions
    from (
      select position, recorded_at, type, ${bucket} as bucket, lots[1] as lot, events.held[1] as held, events.moved[1] as moved
      from events where ${rows} and cardinality(lots) = 1
      union all
      select position, recorded_at, type, ${bucket}, u.lot, u.held, u.moved
      from events cross join lateral unnest(events.lots, events.held, events.moved) as u (lot, held, moved)
      where ${rows} and cardinality(lots) > 1
    ) e
    left join (
      select * from unnest(${sql.array([...expiries.keys()].map(String), 1016)}::bigint[],
        ${timesOf(sql, [...expiries.values()])}) as x (lot, expires_at)
    ) x on x.lot = e.lot
    group by 1, 2, 3, 4`,
  )
}

/**
 * Runs a query that groups very many rows into very few. The planner, which takes buckets of time for as many as
 * there are times, would sort them all first, for half as much work again.
 */
async function hashed<Row extends object>(sql: Sql, query: ReturnType<Sql>): Promise<Row[]> {
  const [, rows] = await sql.begin('read only', (tx) => [
    tx`set local enable_sort = off`,
    tx<Row[]>`${query}`,
  ])
  return rows as Row[]
}

/** Holds of the range, taken between two times, that nothing up to a position resolves. */
export function readOpenHolds(
  sql: Sql,
  range: AccountRange,
  { start, end, upTo }: { readonly start: Micros; readonly end: Micros; readonly upTo: number },
): Promise<OpenHoldRow[]> {
  return sql<OpenHoldRow[]>`
    select position, ${micros(sql, 'occurred_at')} as "occurredAt", request_id as "requestId",
      key_id as "keyId", endpoint, (credits + coalesce((
        select sum(x.credits) from events x
        where x.request_id = events.request_id and x.type = 'HoldExtended' and x.shard = events.shard
          and x.position between events.position and ${upTo}), 0))::bigint as credits
    from events
    where ${isIn(sql, range)} and type = 'CreditsHeld' and ${isBetween(sql, start, end)}
      and not exists (
        select from events r
        where r.request_id = events.request_id and r.type = any(${sql.array([...resolvingTypes], 1009)})
          and r.shard = events.shard and r.position between events.position and ${upTo})
    order by position`
}

/** The charges of the period, one by one. */
export function readCharges(sql: Sql, range: AccountRange, period: Period): Promise<ChargeRow[]> {
  return sql<ChargeRow[]>`
    select position, ${micros(sql, 'occurred_at')} as "occurredAt", request_id as "requestId",
      key_id as "keyId", endpoint, credits, quantity, tariff
    from events
    where ${isIn(sql, range)} and type = 'HoldSettled' and ${isBetween(sql, period.start, period.end)}
    order by position`
}

/** The last event of the range; null when it has none. */
export async function readLast(sql: Sql, range: AccountRange): Promise<number | null> {
  const [row] = await sql<{ position: number }[]>`
    select position from events where ${isIn(sql, range)} order by position desc limit 1`
  return row?.position ?? null
}

function isIn(sql: Sql, { shard, accountId, keyId, mode, from, to }: AccountRange) {
  return sql`account_id = ${accountId} and shard = ${shard} and position between ${from} and ${to}
    and (mode = ${mode} or mode is null)
    ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}`
}

function isLate(sql: Sql, period: Period) {
  return sql`type = any(${sql.array([...typesWith('hold', 'extends'), ...resolvingTypes], 1009)})
    and occurred_at < ${printMicros(period.end)}::text::timestamptz`
}

function isBetween(sql: Sql, start: Micros, end: Micros) {
  return sql`occurred_at >= ${printMicros(start)}::text::timestamptz
    and occurred_at < ${printMicros(end)}::text::timestamptz`
}

function micros(sql: Sql, column: 'occurred_at') {
  return sql`(extract(epoch from ${sql(column)}) * 1000000)::bigint`
}

function timesOf(sql: Sql, times: readonly Micros[]) {
  return sql`${sql.array(times.map(printMicros), 1009)}::text[]::timestamptz[]`
}
