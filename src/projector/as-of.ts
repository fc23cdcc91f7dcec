/** Projections as they stood at an earlier position: made from the log up to there, in temporary tables. */
import type { LogPosition } from '../../events/event.ts'
import type { Projection } from '../../projections/projection.ts'
import { tablesOf } from './mapping.ts'
import type { Progress } from './ranges.ts'
import { openTemporaryProjection } from './temporary-projection.ts'
import type { TemporaryOptions } from './temporary-tables.ts'

export interface AsOfOptions extends TemporaryOptions {
  /** The last event of each shard that counts; a shard that is not named counts with none. */
  readonly positions: readonly LogPosition[]
  /** Only the rows of this account, in tables that have accounts. */
  readonly accountId?: string | undefined
  readonly progress?: Progress
}

/** A row as JSON has it: times as texts, in UTC. */
export interface RowAsOf {
  readonly table: string
  readonly row: Readonly<Record<string, unknown>>
}

const rowsAtOnce = 500

/** The rows of a projection's tables at that position, in the order of their keys. */
export async function* asOf(
  projection: Projection,
  { positions, accountId, progress = () => {}, ...options }: AsOfOptions,
): AsyncGenerator<RowAsOf> {
  const temporary = await openTemporaryProjection(projection, options)
  const { sql } = temporary
  try {
    const total = positions.reduce((sum, { position }) => sum + position, 0)
    let before = 0
    for (const { shard, position } of positions) {
      await temporary.advance(shard, position, (done) => {
        progress(projection.name, total, before + done)
      })
      before += position
    }
    for (const table of tablesOf(projection)) {
      const [found] = await sql<[{ accounts: boolean; key: string }]>`
        select exists (select from pg_attribute where attrelid = i.indrelid and attname = 'account_id') as accounts,
          (select string_agg(quote_ident(a.attname), ', ' order by k.nth)
            from unnest(i.indkey::smallint[]) with ordinality as k (number, nth)
            join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number) as key
        from pg_index i where i.indrelid = ${`pg_temp.${table}`}::regclass and i.indisprimary`
      const wanted = accountId === undefined ? [] : [accountId]
      const where = found.accounts && accountId !== undefined ? 'where account_id = $1' : ''
      const rows = sql.unsafe<{ row: RowAsOf['row'] }[]>(
        `select to_json(t) as row from pg_temp.${table} t ${where} order by ${found.key}`,
        where ? wanted : [],
      )
      for await (const some of rows.cursor(rowsAtOnce)) {
        for (const { row } of some) yield { table, row }
      }
    }
  } finally {
    await temporary.close()
  }
}
