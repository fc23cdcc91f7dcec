/** Rows as text: CSV with a line of names, or one JSON document a line. */
import { csvLine } from '../lib/csv-line.ts'
import { printMicros } from '../reports/log-reader/micros.ts'
import type { CellValue, RowColumn } from '../reports/log-reader/row-source.ts'

export interface TextFormat {
  head(columns: readonly RowColumn[]): string
  line(columns: readonly RowColumn[], row: readonly CellValue[]): string
}

export const csv: TextFormat = {
  head: (columns) => csvLine(columns.map(({ name }) => name)),
  line: (columns, row) =>
    csvLine(
      columns.map(({ kind }, i) => {
        const value = row[i] ?? null
        if (kind === 'time' && typeof value === 'number') return printMicros(value)
        return isList(value) ? value.join(' ') : value
      }),
    ),
}

export const jsonLines: TextFormat = {
  head: () => '',
  line(columns, row) {
    const fields = columns.map(({ name, kind }, i) => {
      const value = row[i] ?? null
      return `${JSON.stringify(name)}:${jsonOf(kind, value)}`
    })
    return `{${fields.join(',')}}\n`
  },
}

function jsonOf(kind: RowColumn['kind'], value: CellValue): string {
  if (kind === 'time' && typeof value === 'number') return JSON.stringify(printMicros(value))
  // It is JSON already, and stays exactly as it was written.
  if (kind === 'json' && typeof value === 'string') return value
  return JSON.stringify(value)
}

function isList(value: CellValue): value is readonly number[] {
  return Array.isArray(value)
}
