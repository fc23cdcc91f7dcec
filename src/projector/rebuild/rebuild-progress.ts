/** How far a projection's shadow tables have applied each shard's log: a table beside them. */
import type { Projection } from '../../../projections/projection.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { SearchPath } from '../search-path.ts'

export interface ShardProgress {
  readonly shard: number
  readonly position: number
  /** The position at which the shard's log ends now. */
  readonly head: number
}

/** @throws Error when there is none any more, because another rebuild of the projection finished */
export async function readProgress(
  sql: Sql,
  { name }: Projection,
  { tables }: SearchPath,
): Promise<ShardProgress[]> {
  const rows = await sql.unsafe<ShardProgress[]>(
    `select p.shard, p.position, h.position as head
     from ${tables}.progress p join heads h on h.shard = p.shard
     where p.projection = '${name}' order by p.shard`,
  )
  if (rows.length === 0) throw new Error(`another rebuild of ${name} finished meanwhile`)
  return [...rows]
}

/** The statement that moves a shard's progress, which fails when another rebuild has moved it. */
export function moveProgress(
  { name }: Projection,
  { tables }: SearchPath,
  { shard, after, upTo }: { shard: number; after: number; upTo: number | string },
): string {
  return `do $$ begin
    update ${tables}.progress set position = ${upTo}
      where projection = '${name}' and shard = ${shard} and position = ${after};
    if not found then
      raise exception 'another rebuild of ${name} is under way';
    end if;
  end $$`
}
