/** Calls that were refused, from the daily_refusals projection, which is behind the log by at most a second. */
import type { Sql } from '../../ledger/connect.ts'
import type { Sum } from '../../lib/sums.ts'
import { type Days, isInDays, isUsageOf, type UsageOf } from './usage-figures.ts'

/** How often calls of an endpoint were refused for a reason, which is the code that their clients read. */
export interface RefusalLine {
  readonly endpoint: string
  readonly reason: string
  readonly calls: Sum
  /** ISO 8601 */
  readonly lastAt: string
}

/** Between two days, both included, or of all time; the most frequent ones first. */
export async function readRefusals(
  sql: Sql,
  of: UsageOf & { readonly days?: Days | undefined },
): Promise<RefusalLine[]> {
  const rows = await sql<(RefusalLine & { last: Date })[]>`
    select d.endpoint, d.reason, sum(d.calls) as calls, max(d.last_refused_at) as last
    from daily_refusals d
    where ${isUsageOf(sql, of)} and ${of.days ? isInDays(sql, of.days) : sql`true`}
    group by d.endpoint, d.reason
    order by sum(d.calls) desc, d.endpoint, d.reason`
  return rows.map(({ endpoint, reason, calls, last }) => {
    return { endpoint, reason, calls, lastAt: last.toISOString() }
  })
}

/** How often calls of a key were refused for a reason, at all endpoints. */
export interface RefusedKey extends Omit<RefusalLine, 'endpoint'> {
  readonly keyId: string
  readonly accountId: string
}

/** Whose calls were refused most between two days, both included: of everyone in a mode, unless an account or a key is given. */
export async function readMostRefused(
  sql: Sql,
  of: UsageOf & { readonly days: Days },
  max: number,
): Promise<RefusedKey[]> {
  const { keyId, accountId, mode = 'live' } = of
  const isAsked =
    keyId === undefined && accountId === undefined ? sql`d.mode = ${mode}` : isUsageOf(sql, of)
  const rows = await sql<(RefusedKey & { last: Date })[]>`
    select d.key_id as "keyId", d.account_id as "accountId", d.reason, sum(d.calls) as calls,
      max(d.last_refused_at) as last
    from daily_refusals d
    where ${isAsked} and ${isInDays(sql, of.days)}
    group by d.key_id, d.account_id, d.reason
    order by sum(d.calls) desc, d.key_id, d.reason
    limit ${max}`
  return rows.map(({ last, ...row }) => ({ ...row, lastAt: last.toISOString() }))
}
