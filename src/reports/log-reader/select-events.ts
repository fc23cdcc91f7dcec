import type { RecordedEvent } from '../../../events/event.ts'
import { streamOf } from '../../../events/stream-of.ts'
import type { Sql } from '../../ledger/connect.ts'

/** The recorded events that a query selects. `private` is encrypted, as it was written. @param rest what stands behind `from events` */
export async function selectEvents(sql: Sql, rest: ReturnType<Sql>): Promise<RecordedEvent[]> {
  const rows = await sql<Omit<RecordedEvent, 'stream'>[]>`
    select shard, position, recorded_at as "recordedAt", occurred_at as "occurredAt", type,
      stream_version as "streamVersion", account_id as "accountId", key_id as "keyId", mode,
      request_id as "requestId", endpoint, tariff, credits, quantity, slots, status,
      latency_ms as "latencyMs", lots, held, moved, actor, instance, login, payload, private
    from events ${rest}`
  return rows.map((row) => ({ ...row, stream: streamOf(row) }))
}
