import { csvLine } from '../../lib/csv-line.ts'
import { entriesOf, entryColumns } from './statement-entries.ts'
import type { Statement } from './statement-shape.ts'

/** The statement's entries under a line of their names. */
export function statementCsv(statement: Statement): string {
  const rows = entriesOf(statement).map((entry) => csvLine(entryColumns.map((name) => entry[name])))
  return csvLine(entryColumns) + rows.join('')
}
