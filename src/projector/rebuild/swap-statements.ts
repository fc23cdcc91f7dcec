/** The transaction that swaps a projection's shadow tables in, under the locks of whoever writes the old ones. */
import type { Projection } from '../../../projections/projection.ts'
import { applyRange } from '../apply-range.ts'
import { tablesOf } from '../projection-tables.ts'
import type { SearchPath } from '../search-path.ts'
import { moveProgress, type ShardProgress } from './rebuild-progress.ts'

/** The statements that take the locks, apply the last events and swap the tables. */
export function swapStatements(
  projection: Projection,
  searchPath: SearchPath,
  shards: readonly ShardProgress[],
): string[] {
  const { name, version, mode } = projection
  const { tables: schema, ledger } = searchPath
  const [firstLock = '', ...otherLocks] = locksOf(projection, ledger, shards)
  return [
    // Nobody waits for this transaction while it waits for its first lock. Once it has one, somebody may.
    `set local lock_timeout = '5s'`,
    firstLock,
    `set local lock_timeout = '250ms'`,
    ...otherLocks,
    ...shards.flatMap((shard) => applyTail(projection, searchPath, shard)),
    ...tablesOf(projection).flatMap((table) => [
      `drop table if exists ${ledger}.${table}`,
      `alter table ${schema}.${table} set schema ${ledger}`,
    ]),
    `insert into ${ledger}.projection_checkpoints (projection, shard, version, position)
      select projection, shard, ${version}, ${mode === 'inline' ? '0' : 'position'}
      from ${schema}.progress where projection = '${name}'
      on conflict (projection, shard) do update set version = excluded.version, position = excluded.position`,
    `delete from ${schema}.progress where projection = '${name}'`,
    // Whatever else the transaction makes belongs into the ledger's schema.
    `set local search_path = ${ledger}, pg_temp`,
  ]
}

/** The locks that whoever writes the tables in service takes: an append its shard's, catch-up the checkpoint's row. */
function locksOf(
  { name, mode }: Projection,
  ledger: string,
  shards: readonly ShardProgress[],
): string[] {
  const numbers = shards.map(({ shard }) => shard)
  if (mode === 'inline') {
    return numbers.map((shard) => `select from ${ledger}.heads where shard = ${shard} for update`)
  }
  return [
    `select from ${ledger}.projection_checkpoints
      where projection = '${name}' and shard in (${numbers.join(', ')}) order by shard for update`,
  ]
}

/** Applies a shard's last events, up to the end that its log has once the lock is held. */
function applyTail(
  projection: Projection,
  searchPath: SearchPath,
  { shard, position: after }: ShardProgress,
): string[] {
  const head = `(select position from ${searchPath.ledger}.heads where shard = ${shard})`
  const upTo = `(select position from ${searchPath.tables}.progress
    where projection = '${projection.name}' and shard = ${shard})`
  return [
    moveProgress(projection, searchPath, { shard, after, upTo: head }),
    ...applyRange(projection, { shard, after, upTo }),
  ]
}
