/** Every account's statement of a period, as rows of its entries. */
import type { Sql } from '../../ledger/connect.ts'
import type { CellValue, RowSource } from '../log-reader/row-source.ts'
import { readStatement } from './read-statement.ts'
import { entriesOf, entryColumns } from './statement-entries.ts'
import type { Statement } from './statement-shape.ts'

const integerColumns: readonly string[] = ['calls', 'quantity', 'credits', 'debt', 'minorUnits']
const accountsPerBatch = 50

/** Accounts are in the order of their ids, each with its entries. */
export function statementRows(
  sql: Sql,
  period: { readonly month: string; readonly timeZone: string },
): RowSource {
  return {
    columns: entryColumns.map((name) => ({
      name,
      kind: name === 'time' ? 'time' : integerColumns.includes(name) ? 'integer' : 'text',
    })),
    async *batches(after = '') {
      for (let last = after; ; ) {
        const accounts = await sql<{ id: string }[]>`
          select account_id as id from account_state
          where account_id > ${last} order by account_id limit ${accountsPerBatch}`
        const rows: CellValue[][] = []
        for (const { id } of accounts) {
          const found = await readStatement(sql, { accountId: id, ...period })
          if (found) rows.push(...rowsOf(found))
        }
        const end = accounts.at(-1)
        if (!end) return
        last = end.id
        yield { upTo: last, rows }
      }
    },
  }
}

/** An account to which nothing has happened has only a closing of 0, and no rows. */
function rowsOf(statement: Statement): CellValue[][] {
  const entries = entriesOf(statement)
  if (entries.every(({ entry, credits }) => entry === 'closing' && credits === 0)) return []
  return entries.map((entry) => entryColumns.map((name) => cell(name, entry[name])))
}

function cell(name: string, value: string | number | null): CellValue {
  return name === 'time' && typeof value === 'string' ? Date.parse(value) * 1_000 : value
}
