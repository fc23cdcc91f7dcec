/** What an account's credits were as of a position, added up from the events before it. */
import type { Mode } from '../../../events/event.ts'
import { resolvingTypes } from '../../../events/event-types.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import { addSums, type Sum } from '../../lib/sums.ts'
import { type RollingLot, rolloverExcess } from '../../pricing/rollover-excess.ts'
import { type Micros, printMicros } from '../log-reader/micros.ts'
import { type AccountRange, readInRanges } from '../log-reader/read-in-ranges.ts'
import type { Moment } from './moment.ts'

export interface CreditsAsOf {
  readonly openHolds: number
  readonly debt: number
  /** The allowance that was granted in the month so far. */
  readonly allowanceGranted: number
  /** What counts against the key's cap: what it has held and settled in the month. */
  readonly capUsed: Sum
  /** The lots that a call could draw on, in draw order. */
  readonly lots: readonly LotAsOf[]
}

interface LotAsOf {
  /** The position of its CreditsGranted event. */
  readonly lot: number
  readonly kind: string
  readonly expiresAt: string | null
  readonly free: number
  /** What of that lapses before anything else is bought: more than rolls over. */
  readonly lapsing: number
}

export async function readCreditsAsOf(
  sql: Sql,
  { accountId, keyId, mode }: { accountId: string; keyId: string; mode: Mode },
  at: Moment,
): Promise<CreditsAsOf> {
  const range = { accountId, mode, shard: at.shard, from: 1, to: at.position }
  const [sums, lots] = await Promise.all([
    readSums(sql, range, keyId, at.now),
    readLots(sql, range, at.now),
  ])
  return { ...sums, lots }
}

type Sums = Omit<CreditsAsOf, 'lots'>

async function readSums(sql: Sql, range: AccountRange, keyId: string, now: Micros): Promise<Sums> {
  const month = printMicros(now).slice(0, 7)
  const sums = { openHolds: 0, debt: 0, allowanceGranted: 0, capUsed: 0 as Sum }
  for await (const pieces of readInRanges(range, (piece) => readSumsOf(sql, piece, keyId, month))) {
    for (const piece of pieces) {
      sums.openHolds += piece.openHolds
      sums.debt += piece.debt
      sums.allowanceGranted += piece.allowanceGranted
      sums.capUsed = addSums(sums.capUsed, piece.capUsed)
    }
  }
  return sums
}

function readSumsOf(
  sql: Sql,
  { accountId, shard, mode, from, to }: AccountRange,
  keyId: string,
  month: string,
): Promise<Sums[]> {
  return sql<Sums[]>`
    select
      coalesce(sum(case type when 'CreditsHeld' then 1 else -1 end * coalesce(slots, 1))
        filter (where held is not null and ${sql.unsafe(typeIn(['CreditsHeld', ...resolvingTypes]))}), 0)::bigint
        as "openHolds",
      coalesce(sum(case when type = 'DebtRecorded' then credits
        when type = 'CreditsAdjusted' and payload ->> 'repaysDebt' = 'true' then -credits end), 0)::bigint as debt,
      coalesce(sum(credits) filter (where type = 'CreditsGranted' and payload ->> 'kind' = 'allowance'
        and to_char(recorded_at, 'YYYY-MM') = ${month}), 0)::bigint as "allowanceGranted",
      coalesce(sum(case
        when type = 'ChargeRefunded'
          then case when left(payload ->> 'chargedAt', 7) = ${month} then -credits else 0 end
        else coalesce((select sum(h) from unnest(held) h), 0) + case when type = 'HoldSettled' then credits else 0 end
      end) filter (where key_id = ${keyId} and to_char(occurred_at, 'YYYY-MM') = ${month}), 0) as "capUsed"
    from events
    where account_id = ${accountId} and shard = ${shard} and mode = ${mode} and position between ${from} and ${to}
      and stream_version is null`
}

/** The lots that a call could draw on, in draw order, with what is free on them. */
async function readLots(sql: Sql, range: AccountRange, now: Micros): Promise<LotAsOf[]> {
  const lots = new Map<number, LotRow>()
  for await (const grants of readInRanges(range, (piece) => readGrants(sql, piece))) {
    for (const grant of grants) lots.set(grant.lot, grant)
  }
  for await (const sums of readInRanges(range, (piece) => readTaken(sql, piece))) {
    for (const { lot, credits } of sums) {
      const row = lots.get(lot)
      if (row) row.free -= credits
    }
  }
  const excess = rolloverExcess([...lots.values()].flatMap(rollingLot), now)
  const lapsingOf = new Map(excess.map(({ lot, credits }) => [lot, credits]))
  return [...lots.values()]
    .filter(({ startsAt, endsAt }) => startsAt <= now && (endsAt === null || endsAt > now))
    .sort(byDrawOrder)
    .map(({ startsAt, endsAt, rollsAt, max, ...lot }) => ({
      ...lot,
      lapsing: lapsingOf.get(lot.lot) ?? 0,
    }))
}

interface LotRow extends Omit<LotAsOf, 'lapsing'> {
  free: number
  readonly startsAt: Micros
  readonly endsAt: Micros | null
  /** Of an allowance that is good after its month: that month's end, and how much of such lots is kept then. */
  readonly rollsAt: Micros | null
  readonly max: number | null
}

function rollingLot({ lot, free, endsAt, rollsAt, max }: LotRow): RollingLot[] {
  if (endsAt === null || rollsAt === null || max === null) return []
  return [{ lot, free, expiresAt: endsAt, rollsAt, max }]
}

/** Allowances come first, overage last, and of the others the lot that expires first, then the oldest lot. */
function byDrawOrder(a: LotRow, b: LotRow): number {
  const rank = ({ kind }: LotRow) => (kind === 'allowance' ? 0 : kind === 'overage' ? 2 : 1)
  const end = ({ endsAt }: LotRow) => endsAt ?? Number.POSITIVE_INFINITY
  // Two lots without an end have the difference NaN. It is falsy like 0, so the older lot comes first.
  return rank(a) - rank(b) || end(a) - end(b) || a.lot - b.lot
}

function readGrants(
  sql: Sql,
  { accountId, shard, mode, from, to }: AccountRange,
): Promise<LotRow[]> {
  return sql<LotRow[]>`
    select position as lot, payload ->> 'kind' as kind, payload ->> 'expiresAt' as "expiresAt", credits as free,
      (extract(epoch from (payload ->> 'startsAt')::timestamptz) * 1000000)::float8 as "startsAt",
      (extract(epoch from nullif((payload ->> 'expiresAt')::timestamptz, 'infinity')) * 1000000)::float8 as "endsAt",
      case when payload -> 'rollover' is not null then (extract(epoch from (date_trunc('month',
        (payload ->> 'startsAt')::timestamptz at time zone 'UTC') + interval '1 month') at time zone 'UTC') * 1000000)::float8
        end as "rollsAt", (payload -> 'rollover' ->> 'max')::bigint as max
    from events
    where account_id = ${accountId} and shard = ${shard} and mode = ${mode} and position between ${from} and ${to}
      and type = 'CreditsGranted'`
}

function readTaken(
  sql: Sql,
  { accountId, shard, mode, from, to }: AccountRange,
): Promise<{ lot: number; credits: number }[]> {
  return sql<{ lot: number; credits: number }[]>`
    select u.lot, sum(coalesce(u.held, 0)
      + case when type = 'ChargeRefunded' then -coalesce(u.moved, 0) else coalesce(u.moved, 0) end)::bigint as credits
    from events, unnest(lots, held, moved) as u (lot, held, moved)
    where account_id = ${accountId} and shard = ${shard} and mode = ${mode} and position between ${from} and ${to}
      and lots is not null
    group by u.lot`
}
