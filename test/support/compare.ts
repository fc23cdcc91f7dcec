/** Compares the oracle's rows with the projections' tables, every row and every column. */
import type { Sql } from '../../src/ledger/connect.ts'
import { micros, readLog } from './log.ts'
import { fold, keyOf, type Row, type State, type TableName, tables } from './oracle.ts'

export interface Difference {
  readonly table: string
  readonly row: string
  readonly column: string
  readonly oracle: unknown
  readonly projection: unknown
}

/** How the tables of a shard's projections differ from what its log means; empty when they do not. */
export async function compareWithProjections(sql: Sql, shard = 0): Promise<Difference[]> {
  return compareWithState(sql, fold(await readLog(sql, shard)), shard)
}

/** The same for a state that is folded already, or for the rows of some accounts alone. */
export async function compareWithState(
  sql: Sql,
  state: State,
  shard = 0,
  accounts?: readonly string[],
): Promise<Difference[]> {
  const differences: Difference[] = []
  for (const name of Object.keys(tables) as TableName[]) {
    if (accounts && /^(tariff|operator|hourly_usage)/.test(name)) continue
    const some = accounts ? sql`and account_id in ${sql(accounts)}` : sql``
    const rows = await sql<{ row: Row }[]>`
      select to_jsonb(t) as row from ${sql(name)} t where shard = ${shard} ${some}`
    const found = new Map(
      rows.map(({ row }) => withMicros(row)).map((row) => [keyOf(name, row), row] as const),
    )
    for (const key of new Set([...state[name].keys(), ...found.keys()])) {
      differences.push(...compareRows(name, key, state[name].get(key), found.get(key)))
    }
  }
  return differences
}

function* compareRows(table: string, row: string, oracle: Row = {}, projection: Row = {}) {
  for (const column of new Set([...Object.keys(oracle), ...Object.keys(projection)])) {
    const [a, b] = [oracle[column], projection[column]]
    if (!Bun.deepEquals(a, b)) yield { table, row, column, oracle: a, projection: b }
  }
}

/** A table's row with its times as microseconds. */
function withMicros(columns: Row): Row {
  const isTime = (name: string) => /_at$|_until$|^effective_from$/.test(name)
  const entries = Object.entries(columns).map(([name, value]) => {
    if (name === 'plan_starts') return [name, (value as string[]).map(micros)]
    return isTime(name) && value !== null ? [name, micros(value)] : [name, value]
  })
  return Object.fromEntries(entries)
}
