/** Events of an account that a statement reads one by one, with what it counts of them. */
import type { EventType } from '../../../events/catalogue.ts'
import { holdTypes } from '../../../events/event-types.ts'
import { typeNotIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { Micros } from '../log-reader/micros.ts'

export interface StatementEvent {
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
  /** `startsAt` of a CreditsGranted, `from` of a PlanStarted. */
  readonly startsAt: Micros | null
  /** `expiresAt` of a CreditsGranted. */
  readonly expiresAt: Micros | null
  readonly payload: Record<string, unknown> | null
}

/** Types of which a statement has a line for each event, or needs each event to make its lines. */
export const lineTypes: readonly string[] = [
  'AccountOpened',
  'PlanStarted',
  'AccountErased',
  'CreditsGranted',
  'CreditsAdjusted',
  'CreditsLapsed',
  'DebtRecorded',
  'ChargeRefunded',
] satisfies EventType[]

const pageSize = 10_000

/** The events at these positions, in the order of the log. */
export async function readStatementEvents(
  sql: Sql,
  shard: number,
  positions: readonly number[],
): Promise<StatementEvent[]> {
  const events: StatementEvent[] = []
  const inOrder = [...positions].sort((a, b) => a - b)
  for (let i = 0; i < inOrder.length; i += pageSize) {
    const page = inOrder.slice(i, i + pageSize)
    events.push(
      ...(await sql<StatementEvent[]>`
        select ${columns(sql)} from events
        where shard = ${shard} and position = any(${sql.array(page.map(String), 1016)}::bigint[])
        order by position`),
    )
  }
  return events
}

function columns(sql: Sql) {
  return sql`position, type, key_id as "keyId", request_id as "requestId", endpoint, tariff, credits, quantity,
    (extract(epoch from recorded_at) * 1000000)::float8 as "recordedAt",
    (extract(epoch from occurred_at) * 1000000)::float8 as "occurredAt",
    lots, held, moved,
    case type
      when 'CreditsGranted' then (extract(epoch from (payload ->> 'startsAt')::timestamptz) * 1000000)::float8
      when 'PlanStarted' then (extract(epoch from (payload ->> 'from')::timestamptz) * 1000000)::float8
    end as "startsAt",
    case type
      when 'CreditsGranted' then (extract(epoch from nullif((payload ->> 'expiresAt')::timestamptz, 'infinity')) * 1000000)::float8
    end as "expiresAt",
    case when ${sql.unsafe(typeNotIn(holdTypes))} then payload end as payload`
}
