/** Rows as text: CSV with a line of names, or one JSON document a line. */
import { csvLine } from '../lib/csv-line.ts'
import type { Column, Value } from '../reports/export-rows.ts'
import { printMicros } from '../reports/log-reader/month.ts'

export interface TextFormat {
  head(columns: readonly Column[]): string
  line(columns: readonly Column[], row: readonly Value[]): string
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

function jsonOf(kind: Column['kind'], value: Value): string {
  if (kind === 'time' && typeof value === 'number') return JSON.stringify(printMicros(value))
  // It is JSON already, and stays what was written.
  if (kind === 'json' && typeof value === 'string') return value
  return JSON.stringify(value)
}

function isList(value: Value): value is readonly number[] {
  return Array.isArray(value)
}
