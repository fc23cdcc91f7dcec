/** An account's events in the order of the log, page by page. */
import type { Sql } from '../../../src/ledger/connect.ts'
import type { AccountRange } from '../../../src/reports/log-reader/read-in-ranges.ts'
import type { StatementEvent } from '../../../src/reports/statement/statement-events.ts'

export type { StatementEvent }

/** Pages of at most `pageSize` events; together all events of the range. */
export async function* readAccountEvents(
  sql: Sql,
  { shard, accountId, keyId, mode, from, to }: AccountRange,
  pageSize = 10_000,
): AsyncGenerator<readonly StatementEvent[]> {
  let next = from
  for (;;) {
    const page: StatementEvent[] = await sql<StatementEvent[]>`
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
