/**
 * What the append would have looked at then: key, account, tariff and credits as of a position, from the
 * events up to it. Projections are asked for addresses only (whose a key is, at which positions tariffs were
 * published), never for what stood there.
 */
import type { TypeWith } from '../../../events/catalogue.ts'
import type { Mode } from '../../../events/event.ts'
import { resolvingTypes } from '../../../events/event-types.ts'
import type { Plan } from '../../../events/tariffs.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import { type Micros, printMicros } from '../log-reader/micros.ts'
import { type AccountRange, readInRanges } from '../log-reader/read-in-ranges.ts'

export interface Moment {
  readonly shard: number
  /** The last event that counts. */
  readonly position: number
  readonly now: Micros
}

export interface StateAsOf {
  readonly key: KeyAsOf | undefined
  readonly account: AccountAsOf
  readonly tariff: TariffAsOf | undefined
  readonly credits: CreditsAsOf
}

interface KeyAsOf {
  readonly version: number
  readonly display: string
  readonly enabled: boolean
  readonly revoked: boolean
  readonly expiresAt: string | null
  readonly endpoints: readonly string[] | null
  readonly monthlyCap: number | null
  /** Of the key's last event. */
  readonly position: number
}

interface AccountAsOf {
  readonly accountId: string
  readonly version: number
  readonly frozen: boolean
  readonly erased: boolean
  readonly maxInFlight: number | null
  readonly plan: { readonly name: string; readonly position: number } | undefined
}

interface TariffAsOf {
  readonly hash: string
  readonly from: string
  readonly position: number
  readonly plans: Readonly<Record<string, Plan>>
  readonly prices: Readonly<Record<string, Record<string, unknown>>>
}

interface CreditsAsOf {
  readonly openHolds: number
  readonly debt: number
  /** What the month's allowances had brought by then. */
  readonly allowanceGranted: number
  /** What the key held and had settled of the month, against its cap. */
  readonly capUsed: number
  /** Those that could be drawn from, in draw order. */
  readonly lots: readonly LotAsOf[]
}

interface LotAsOf {
  /** Position of its CreditsGranted. */
  readonly lot: number
  readonly kind: string
  readonly expiresAt: string | null
  readonly free: number
}

export async function stateAsOf(
  sql: Sql,
  { accountId, keyId, mode }: { accountId: string; keyId: string; mode: Mode },
  at: Moment,
): Promise<StateAsOf> {
  const [changes, tariff, sums, lots] = await Promise.all([
    readChanges(sql, accountId, at),
    readTariff(sql, at),
    readSums(sql, { accountId, keyId, mode }, at),
    readLots(sql, { accountId, mode }, at),
  ])
  return {
    key: keyOf(changes.filter((change) => change.keyId === keyId)),
    account: accountOf(
      accountId,
      changes.filter((change) => change.keyId === null),
      at.now,
    ),
    tariff,
    credits: { ...sums, lots },
  }
}

interface Change {
  readonly position: number
  readonly type: string
  readonly version: number
  readonly keyId: string | null
  // biome-ignore lint/suspicious/noExplicitAny: payloads are read by type
  readonly payload: any
}

function readChanges(sql: Sql, accountId: string, { shard, position }: Moment): Promise<Change[]> {
  return sql<Change[]>`
    select position, type, stream_version as version, key_id as "keyId", payload
    from events
    where account_id = ${accountId} and shard = ${shard} and position <= ${position}
      and stream_version is not null
    order by position`
}

function keyOf(changes: readonly Change[]): KeyAsOf | undefined {
  return changes.reduce<KeyAsOf | undefined>(evolveKey, undefined)
}

function evolveKey(key: KeyAsOf | undefined, change: Change): KeyAsOf {
  const { position, version, payload } = change
  const before = key ?? {
    ...{ display: '', enabled: true, revoked: false },
    ...{ expiresAt: null, endpoints: null, monthlyCap: null },
  }
  const type = change.type as TypeWith<{ stream: 'key' }>
  switch (type) {
    case 'KeyIssued':
    case 'KeyImported':
    case 'KeyUpdated':
    case 'KeyLimitsChanged':
    case 'KeyRotated': {
      // An event carries the fields that it changes, and null is a value.
      const { display, enabled, expiresAt, endpoints, monthlyCap } = { ...before, ...payload }
      return { ...before, position, version, display, enabled, expiresAt, endpoints, monthlyCap }
    }
    case 'KeyEnabled':
      return { ...before, position, version, enabled: true }
    case 'KeyDisabled':
      return { ...before, position, version, enabled: false }
    case 'KeyRevoked':
      return { ...before, position, version, revoked: true }
    default:
      return type satisfies never
  }
}

function accountOf(accountId: string, changes: readonly Change[], now: Micros): AccountAsOf {
  const opened: AccountAsOf = {
    ...{ accountId, version: 0, frozen: false, erased: false, maxInFlight: null },
    plan: undefined,
  }
  return changes.reduce((account, change) => evolveAccount(account, change, now), opened)
}

function evolveAccount(before: AccountAsOf, change: Change, now: Micros): AccountAsOf {
  const { payload, position, version } = change
  const account = { ...before, version }
  const type = change.type as TypeWith<{ stream: 'account' }>
  switch (type) {
    case 'AccountOpened':
    case 'PlanEnded':
      return account
    case 'PlanStarted':
      if (Date.parse(payload.from) * 1_000 > now) return account
      return { ...account, plan: { name: payload.plan, position } }
    case 'AccountLimitsChanged':
      return { ...account, maxInFlight: payload.maxInFlight ?? null }
    case 'AccountFrozen':
      return { ...account, frozen: true }
    case 'AccountUnfrozen':
      return { ...account, frozen: false }
    case 'AccountErased':
      return { ...account, erased: true }
    default:
      return type satisfies never
  }
}

async function readTariff(
  sql: Sql,
  { shard, position, now }: Moment,
): Promise<TariffAsOf | undefined> {
  const [row] = await sql<{ position: number; payload: Omit<TariffAsOf, 'position'> }[]>`
    select e.position, e.payload
    from tariffs t join events e on e.position = t.position and e.shard = t.shard
    where t.shard = ${shard} and e.position <= ${position} and e.type = 'TariffPublished'
      and (e.payload ->> 'from')::timestamptz <= ${printMicros(now)}::text::timestamptz
    order by (e.payload ->> 'from')::timestamptz desc, e.position desc
    limit 1`
  if (!row) return undefined
  const { hash, from, plans, prices } = row.payload
  return { hash, from, plans, prices, position: row.position }
}

async function readSums(
  sql: Sql,
  { keyId, ...of }: { accountId: string; keyId: string; mode: Mode },
  { shard, position, now }: Moment,
): Promise<Omit<CreditsAsOf, 'lots'>> {
  const month = printMicros(now).slice(0, 7)
  const sums = { openHolds: 0, debt: 0, allowanceGranted: 0, capUsed: 0 }
  const range = { ...of, shard, from: 1, to: position }
  for await (const pieces of readInRanges(range, (piece) => readSumsOf(sql, piece, keyId, month))) {
    for (const piece of pieces) {
      sums.openHolds += piece.openHolds
      sums.debt += piece.debt
      sums.allowanceGranted += piece.allowanceGranted
      sums.capUsed += piece.capUsed
    }
  }
  return sums
}

function readSumsOf(
  sql: Sql,
  { accountId, shard, mode, from, to }: AccountRange,
  keyId: string,
  month: string,
): Promise<Omit<CreditsAsOf, 'lots'>[]> {
  return sql<Omit<CreditsAsOf, 'lots'>[]>`
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
      end) filter (where key_id = ${keyId} and to_char(occurred_at, 'YYYY-MM') = ${month}), 0)::bigint as "capUsed"
    from events
    where account_id = ${accountId} and shard = ${shard} and mode = ${mode} and position between ${from} and ${to}
      and stream_version is null`
}

/** Those that could be drawn from, in draw order, with what all before had left of them. */
async function readLots(
  sql: Sql,
  of: { accountId: string; mode: Mode },
  { shard, position, now }: Moment,
): Promise<LotAsOf[]> {
  const lots = new Map<number, LotRow>()
  const range = { ...of, shard, from: 1, to: position }
  for await (const grants of readInRanges(range, (piece) => readGrants(sql, piece))) {
    for (const grant of grants) lots.set(grant.lot, grant)
  }
  for await (const taken of readInRanges(range, (piece) => readTaken(sql, piece))) {
    for (const { lot, credits } of taken) {
      const of = lots.get(lot)
      if (of) of.free -= credits
    }
  }
  const end = ({ endsAt }: LotRow) => endsAt ?? Number.POSITIVE_INFINITY
  const rank = ({ kind }: LotAsOf) => (kind === 'allowance' ? 0 : 1)
  return [...lots.values()]
    .filter(({ startsAt, endsAt }) => startsAt <= now && (endsAt === null || endsAt > now))
    .sort((a, b) => rank(a) - rank(b) || order(end(a), end(b)) || a.lot - b.lot)
    .map(({ startsAt, endsAt, ...lot }) => lot)
}

interface LotRow extends LotAsOf {
  free: number
  readonly startsAt: Micros
  readonly endsAt: Micros | null
}

/** Lots without an end are all alike, though infinity less infinity is no number. */
function order(a: number, b: number): number {
  return a === b ? 0 : a - b
}

function readGrants(
  sql: Sql,
  { accountId, shard, mode, from, to }: AccountRange,
): Promise<LotRow[]> {
  return sql<LotRow[]>`
    select position as lot, payload ->> 'kind' as kind, payload ->> 'expiresAt' as "expiresAt", credits as free,
      (extract(epoch from (payload ->> 'startsAt')::timestamptz) * 1000000)::bigint as "startsAt",
      (extract(epoch from (payload ->> 'expiresAt')::timestamptz) * 1000000)::bigint as "endsAt"
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
