/** An account's events in the order of the log, page by page, with what statements count with. */
import type { Mode } from '../../events/event.ts'
import type { Sql } from '../ledger/connect.ts'
import type { Micros } from './month.ts'

export interface AccountEvent {
  readonly position: number
  readonly type: string
  readonly keyId: string | null
  readonly requestId: string | null
  readonly endpoint: string | null
  readonly tariff: string | null
  readonly credits: number | null
  readonly quantity: number | null
  readonly recordedAt: Micros
  readonly occurredAt: Micros
  readonly lots: readonly number[] | null
  readonly held: readonly number[] | null
  readonly moved: readonly number[] | null
  /** CreditsGranted's `startsAt` and PlanStarted's `from`. */
  readonly startsAt: Micros | null
  /** CreditsGranted's. */
  readonly expiresAt: Micros | null
  /** null for the types that calls append by the thousand, whose payload no report needs. */
  readonly payload: Record<string, unknown> | null
}

export interface AccountRange {
  readonly shard: number
  readonly accountId: string
  /** Only events of this key. */
  readonly keyId?: string | undefined
  /** Only credits of this mode; what belongs to the account as a whole has none and is included. */
  readonly mode: Mode
  /** First position that may be read, and last. */
  readonly from: number
  readonly to: number
}

/** Pages of at most `pageSize` events; together all events of the range. */
export async function* readAccountEvents(
  sql: Sql,
  { shard, accountId, keyId, mode, from, to }: AccountRange,
  pageSize = 10_000,
): AsyncGenerator<readonly AccountEvent[]> {
  let next = from
  for (;;) {
    const page: AccountEvent[] = await sql<AccountEvent[]>`
      select position, type, key_id as "keyId", request_id as "requestId", endpoint, tariff, credits, quantity,
        (extract(epoch from recorded_at) * 1000000)::bigint as "recordedAt",
        (extract(epoch from occurred_at) * 1000000)::bigint as "occurredAt",
        lots, held, moved,
        case type
          when 'CreditsGranted' then (extract(epoch from (payload ->> 'startsAt')::timestamptz) * 1000000)::bigint
          when 'PlanStarted' then (extract(epoch from (payload ->> 'from')::timestamptz) * 1000000)::bigint
        end as "startsAt",
        case type
          when 'CreditsGranted' then (extract(epoch from (payload ->> 'expiresAt')::timestamptz) * 1000000)::bigint
        end as "expiresAt",
        case when type not in ('CreditsHeld', 'HoldExtended', 'HoldSettled', 'HoldReleased', 'HoldExpired')
          then payload end as payload
      from events
      where account_id = ${accountId} and shard = ${shard} and position between ${next} and ${to}
        and (mode = ${mode} or mode is null)
        ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
      order by position
      limit ${pageSize}`
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (!last || page.length < pageSize) return
    next = last.position + 1
  }
}
