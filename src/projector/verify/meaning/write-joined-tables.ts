/** Writes what stood of keys and lots into the temporary tables that the scan of calls joins. */
import type { CheckConnection, LogRange } from '../log-check.ts'
import type { FollowedKey, LedgerState } from './ledger-state.ts'

/** What a key had been before the range is of no use any more. */
export async function writeJoinedTables(
  state: LedgerState,
  { after }: LogRange,
  connection: CheckConnection,
): Promise<void> {
  const keys = [...state.changedKeys]
  const { newLots } = state
  if (keys.length > 0) {
    for (const { spans } of keys) {
      while (spans[1] && spans[1].after <= after) spans.shift()
    }
    await connection.sql`
      delete from pg_temp.key_spans where key_id = any(${keys.map(({ keyId }) => keyId)}::text[])`
    await connection.sql`
      insert into pg_temp.key_spans
      select * from json_to_recordset(${JSON.stringify(keys.flatMap(spansOf))}::text::json) as s (key_id text, account_id text,
        mode text, after bigint, up_to bigint, buys boolean, expires_at timestamptz, as_last text, as_first text)`
  }
  if (newLots.length > 0) {
    const rows = newLots.map(({ lot, accountId, mode, startsAt, expiresAt }) => ({
      ...{ lot, account_id: accountId, mode, starts_at: startsAt, expires_at: expiresAt },
    }))
    await connection.sql`
      insert into pg_temp.live_lots
      select * from json_to_recordset(${JSON.stringify(rows)}::text::json) as l (lot bigint, account_id text, mode text,
        starts_at timestamptz, expires_at timestamptz)`
  }
  state.changedKeys.clear()
  newLots.length = 0
}

function spansOf({ keyId, accountId, mode, spans }: FollowedKey) {
  return spans.map(({ after, version, buys, expiresAt }, i) => ({
    ...{ key_id: keyId, account_id: accountId, mode, after, up_to: spans[i + 1]?.after ?? null },
    ...{ buys, expires_at: expiresAt },
    ...{ as_last: `"keyVersion":${version}}`, as_first: `"keyVersion":${version},` },
  }))
}
