/** The calls of a period, in groups that cost the same, range by range of the log. */
import { printPosition } from '../../../events/event.ts'
import { resolvingTypes } from '../../../events/event-types.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { LogEnd } from '../log-reader/log-end.ts'
import type { Micros } from '../log-reader/micros.ts'
import { positionAt } from '../log-reader/position-at.ts'

/** Calls that were charged alike, and holds of their account that are not resolved yet. */
export interface CallGroup {
  readonly accountId: string
  readonly endpoint: string
  /** null: calls of price 0, which are only counted. */
  readonly tariff: string | null
  /** Of each call. */
  readonly quantity: number
  readonly credits: number
  readonly calls: number
  /** Of a call that was refunded in part or whole, which stands alone. */
  readonly requestId: string | null
  /** Holds taken less holds resolved. */
  readonly open: number
}

interface Part {
  readonly shard: number
  readonly period: { readonly start: Micros; readonly end: Micros }
  readonly end: LogEnd
}

const rangeSize = 200_000

/** What was refunded of each call of the period, by request id. */
export async function readRefunds(sql: Sql, part: Part): Promise<Map<string, number>> {
  const refunds = new Map<string, number>()
  const { shard, period } = part
  for await (const { from, to } of rangesOf(sql, part)) {
    const rows = await sql<{ requestId: string; credits: number }[]>`
      select request_id as "requestId", sum(credits)::bigint as credits
      from events
      where shard = ${shard} and position between ${from} and ${to} and type = 'ChargeRefunded'
        and mode = 'live' and ${isIn(sql, sql`(payload ->> 'chargedAt')::timestamptz`, period)}
      group by 1`
    for (const { requestId, credits } of rows) {
      refunds.set(requestId, (refunds.get(requestId) ?? 0) + credits)
    }
  }
  return refunds
}

/** @param refunds see `readRefunds` */
export async function* readCalls(
  sql: Sql,
  { refunds, ...part }: Part & { readonly refunds: ReadonlyMap<string, number> },
): AsyncGenerator<CallGroup[]> {
  const { shard, period } = part
  const refunded = sql.array([...refunds.keys()], 1009)
  for await (const { from, to } of rangesOf(sql, part)) {
    yield await sql<CallGroup[]>`
      select account_id as "accountId", endpoint,
        case when type = 'HoldSettled' then tariff end as tariff,
        case when type = 'HoldSettled' then quantity else 1 end::bigint as quantity,
        case when type = 'HoldSettled' then credits else 0 end::bigint as credits,
        case when type = 'HoldSettled' and request_id = any(${refunded}) then request_id end as "requestId",
        coalesce(sum(case type when 'HoldSettled' then 1
          when 'CallsCounted' then quantity - (payload ->> 'errors')::bigint end), 0)::bigint as calls,
        sum(case type when 'CreditsHeld' then 1 when 'CallsCounted' then 0 else case when held is null then 0 else -1 end
          end)::bigint as open
      from events
      where shard = ${shard} and position between ${from} and ${to} and mode = 'live'
        and ${sql.unsafe(typeIn(['CreditsHeld', ...resolvingTypes, 'CallsCounted']))}
        and ${isIn(sql, sql`occurred_at`, period)}
      group by 1, 2, 3, 4, 5, 6`
  }
}

/** Printed positions of what was written under an externalId since the period began, by account. */
export async function readCommitted(
  sql: Sql,
  { externalId, ...part }: Part & { readonly externalId: string },
): Promise<Map<string, string[]>> {
  const committed = new Map<string, string[]>()
  const { shard } = part
  for await (const { from, to } of rangesOf(sql, part)) {
    const rows = await sql<{ accountId: string; position: number }[]>`
      select account_id as "accountId", position
      from events
      where shard = ${shard} and position between ${from} and ${to}
        and type in ('CreditsGranted', 'CreditsAdjusted', 'DebtRecorded')
        and payload ->> 'externalId' = ${externalId}
      order by position`
    for (const { accountId, position } of rows) {
      const of = committed.get(accountId) ?? []
      committed.set(accountId, [...of, printPosition({ shard, position })])
    }
  }
  return committed
}

/** To the log's end: what resolves a hold of the period, or refunds it, may be recorded much later. */
async function* rangesOf(sql: Sql, { shard, period, end }: Part) {
  let from = await positionAt(sql, shard, new Date(period.start / 1_000))
  for (; from <= end.position; from += rangeSize) {
    yield { from, to: Math.min(from + rangeSize - 1, end.position) }
  }
}

function isIn(sql: Sql, time: ReturnType<Sql>, { start, end }: Part['period']) {
  return sql`${time} >= ${new Date(start / 1_000)} and ${time} < ${new Date(end / 1_000)}`
}
