/** What of a shard's log changes who may buy what: events of keys, accounts and tariffs, which no call makes. */
import type { Sql } from '../connect.ts'

export interface Changes {
  /** Where the shard's log ends, and of which epoch it is. */
  readonly position: number
  readonly epoch: number
  /** The accounts that changed, or keys of theirs, each with the position of its last change. */
  readonly accounts: Readonly<Record<string, number>>
  readonly hasNewTariff: boolean
}

/** What changed after a position, up to the end of the log; undefined: there is no such shard. */
export async function readChanges(
  sql: Sql,
  shard: number,
  after: number,
): Promise<Changes | undefined> {
  const [row] = await sql<Changes[]>`
    select position, epoch, accounts, has_new_tariff as "hasNewTariff"
    from changes_v1(${shard}::smallint, ${after})`
  return row
}
