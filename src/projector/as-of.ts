/** Projections as they stood at an earlier position: made from the log up to there, in temporary tables. */
import type { LogPosition } from '../../events/event.ts'
import type { Projection } from '../../projections/projection.ts'
import type { Sql } from '../ledger/connect.ts'
import { readKeyColumns } from './key-columns.ts'
import type { Progress } from './progress.ts'
import { tablesOf } from './projection-tables.ts'
import { openTemporaryProjections } from './temporary-projections.ts'
import type { TemporaryOptions } from './temporary-tables.ts'

interface AsOfOptions extends TemporaryOptions {
  /** The last event of each shard that counts. No event of a shard that is not named counts. */
  readonly positions: readonly LogPosition[]
  /** Only the rows of this account, in tables that have accounts. */
  readonly accountId?: string | undefined
  readonly progress?: Progress
}

/** A row as JSON: times are texts, in UTC. */
interface RowAsOf {
  readonly table: string
  readonly row: Readonly<Record<string, unknown>>
}

const fetchedRows = 500

/** The rows of a projection's tables as of these positions, in the order of their keys. */
export async function* asOf(
  projection: Projection,
  { positions, accountId, progress = () => {}, ...options }: AsOfOptions,
): AsyncGenerator<RowAsOf> {
  const temporary = await openTemporaryProjections([projection], options)
  try {
    const total = positions.reduce((sum, { position }) => sum + position, 0)
    let before = 0
    for (const { shard, position } of positions) {
      await temporary.advanceTo(shard, position, (done) => {
        progress(projection.name, total, before + done)
      })
      before += position
    }
    for (const table of tablesOf(projection)) {
      yield* readRows(temporary.sql, table, accountId)
    }
  } finally {
    await temporary.close()
  }
}

async function* readRows(
  sql: Sql,
  table: string,
  accountId: string | undefined,
): AsyncGenerator<RowAsOf> {
  const key = await readKeyColumns(sql, table)
  const ofAccount = accountId !== undefined && (await hasAccounts(sql, table))
  const where = ofAccount ? 'where account_id = $1' : ''
  const rows = sql.unsafe<{ row: RowAsOf['row'] }[]>(
    `select to_json(t) as row from pg_temp.${table} t ${where} order by ${key.join(', ')}`,
    ofAccount ? [accountId] : [],
  )
  for await (const page of rows.cursor(fetchedRows)) {
    for (const { row } of page) yield { table, row }
  }
}

async function hasAccounts(sql: Sql, table: string): Promise<boolean> {
  const columns = await sql`
    select from pg_attribute where attrelid = ${`pg_temp.${table}`}::regclass and attname = 'account_id'`
  return columns.length > 0
}
