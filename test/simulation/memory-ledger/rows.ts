/** Replies as PostgreSQL writes them: every value a text. */
import { type Column, type Rows, type Text, types } from '../wire.ts'

/** Columns from their names and types, as in a `create table`. */
export function columnsOf(text: string): Column[] {
  return text.split(',').map((column) => {
    const [name = '', type] = column.trim().split(' ')
    return { name, type: types[type as keyof typeof types] }
  })
}

export function rowsOf(
  columns: readonly Column[],
  rows: readonly Readonly<Record<string, unknown>>[],
): Rows {
  return {
    columns,
    rows: rows.map((row) => columns.map(({ name, type }) => textOf(row[name] ?? null, type))),
  }
}

const known = new Map<string, readonly Column[]>()

/** One row of one column, described like `result jsonb`. */
export function rowOf(column: string, value: unknown): Rows {
  const columns = known.get(column) ?? columnsOf(column)
  known.set(column, columns)
  return rowsOf(columns, [{ [columns[0]?.name ?? '']: value }])
}

function textOf(value: unknown, type: number): Text {
  if (value === null) return null
  if (type === types.bool) return value ? 't' : 'f'
  if (type === types.timestamptz) return timeText(value as number)
  if (type === types.json || type === types.jsonb) return JSON.stringify(value)
  if (Array.isArray(value)) return `{${value.map((each) => each ?? 'NULL').join(',')}}`
  return String(value)
}

/** Microseconds as PostgreSQL writes a time. */
export function timeText(micros: number): string {
  if (micros === Number.POSITIVE_INFINITY) return 'infinity'
  const seconds = Math.floor(micros / 1_000_000)
  const fraction = String(micros - seconds * 1_000_000).padStart(6, '0')
  const text = new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ')
  return `${text}.${fraction}+00`
}

/** The same within a JSON value. */
export function jsonTime(micros: number): string {
  return timeText(micros).replace(' ', 'T').replace('+00', '+00:00')
}
