/** What of a shard's log changes who may buy what: events of keys, accounts and tariffs, which no call makes. */
import { frequentTypes, typesWith } from '../../../events/event-types.ts'
import { typeIn, typeNotIn } from '../../../events/type-condition.ts'
import type { Sql } from '../connect.ts'

export interface Changes {
  /** Where the shard's log ends, and of which epoch it is. */
  readonly position: number
  readonly epoch: number
  /** The accounts that changed, or keys of theirs, each with the position of its last change. */
  readonly accounts: Readonly<Record<string, number>>
  readonly hasNewTariff: boolean
}

const decidingTypes = [
  ...typesWith('stream', 'account'),
  ...typesWith('stream', 'key'),
  ...typesWith('stream', 'tariffs'),
]
/** The first part lets PostgreSQL use the index of rare events. */
const decides = `${typeNotIn(frequentTypes)} and ${typeIn(decidingTypes)}`

/** What changed after a position, up to the end of the log; undefined: there is no such shard. */
export async function readChanges(
  sql: Sql,
  shard: number,
  after: number,
): Promise<Changes | undefined> {
  const [row] = await sql<Changes[]>`
    select h.position, h.epoch, coalesce(c.accounts, '{}') as accounts,
      coalesce(c.has_new_tariff, false) as "hasNewTariff"
    from heads h
    cross join lateral (
      select json_object_agg(account_id, position) filter (where account_id is not null) as accounts,
        bool_or(account_id is null) as has_new_tariff
      from (
        select account_id, max(position) as position from events
        where shard = h.shard and position > ${after} and ${sql.unsafe(decides)}
        group by account_id
      ) last_changes
    ) c
    where h.shard = ${shard}`
  return row
}
