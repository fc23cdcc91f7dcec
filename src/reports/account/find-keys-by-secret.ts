/** The keys of secrets: of those in use, and of those that a rotation replaced. */
import { secretTypes } from '../../../events/event-types.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { readLogEnd } from '../log-reader/log-end.ts'
import { positionRanges } from '../log-reader/position-ranges.ts'

export interface KeyOfSecret {
  /** Hex SHA-256 of the whole secret. */
  readonly hash: string
  readonly keyId: string
  readonly accountId: string
  /** Whether it is the key's present secret, the one before that still works, or one that was replaced. */
  readonly secret: 'current' | 'previous' | 'replaced'
  /** Until when a previous secret works, ISO 8601; null for another one. */
  readonly worksUntil: string | null
}

/**
 * @param hashes hex SHA-256 of whole secrets
 * @returns those that the ledger knows, each once
 */
export async function findKeysBySecret(
  sql: Sql,
  hashes: readonly string[],
): Promise<KeyOfSecret[]> {
  const wanted = [...new Set(hashes)]
  if (wanted.length === 0) return []
  const live = await readSecretsInUse(sql, wanted)
  const known = new Set(live.map(({ hash }) => hash))
  const missing = wanted.filter((hash) => !known.has(hash))
  const replaced = missing.length > 0 ? await readReplacedSecrets(sql, missing) : []
  return [...live, ...replaced]
}

async function readSecretsInUse(sql: Sql, hashes: readonly string[]): Promise<KeyOfSecret[]> {
  const rows = await sql<(Omit<KeyOfSecret, 'worksUntil'> & { until: Date | null })[]>`
    select k.hash, k.key_id as "keyId", k.account_id as "accountId", 'current' as secret,
      null::timestamptz as until
    from key_state k where k.hash = any(${hashes as string[]})
    union all
    select k.previous_hash, k.key_id, k.account_id, 'previous', k.previous_until
    from key_state k
    where k.previous_hash = any(${hashes as string[]}) and k.previous_until > ledger_now()`
  return rows.map(({ until, ...row }) => ({ ...row, worksUntil: until?.toISOString() ?? null }))
}

const maxRangePositions = 200_000

/** Only the log has them, and it has no index by hash, so all events of keys are read, range by range. */
async function readReplacedSecrets(sql: Sql, hashes: readonly string[]): Promise<KeyOfSecret[]> {
  const found: KeyOfSecret[] = []
  for (const shard of await readShards(sql)) {
    const end = await readLogEnd(sql, shard)
    const whole = { from: 1, to: end.position }
    for (const { from, to } of positionRanges(whole, maxRangePositions)) {
      const rows = await sql<{ hash: string; keyId: string; accountId: string }[]>`
        select payload ->> 'hash' as hash, key_id as "keyId", account_id as "accountId"
        from events
        where shard = ${shard} and position between ${from} and ${to}
          and stream_version is not null and ${sql.unsafe(typeIn(secretTypes))}
          and payload ->> 'hash' = any(${hashes as string[]})`
      found.push(...rows.map((row) => ({ ...row, secret: 'replaced' as const, worksUntil: null })))
    }
  }
  return found
}
