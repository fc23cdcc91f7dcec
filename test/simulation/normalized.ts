/** Replies of two ledgers, so that they can be compared. */
import { micros } from '../support/log.ts'
import { type Reply, type Rows, type Text, types } from './wire.ts'

/** Values by their columns, as the real reply types them; of JSON the meaning, of a time the microseconds. */
export function normalized(reply: Reply, real: Reply) {
  if ('error' in reply) return { code: reply.error.code, constraint: reply.error.constraint_name }
  const columns = (real as Rows).columns ?? []
  const rows = reply.rows.map((row) =>
    columns
      .filter(({ type }) => type !== types.void)
      .map(({ name, type }) => {
        const at = reply.columns.findIndex((column) => column.name === name)
        return [name, meaningOf(row[at] ?? null, type)]
      }),
  )
  // Rows that a query puts in no order can come in any.
  return rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function meaningOf(text: Text, type: number): unknown {
  if (text === null) return null
  if (type === types.json || type === types.jsonb) return withTimes(JSON.parse(text))
  if (type === types.timestamptz || /^\d{4}-\d\d-\d\d \d\d:/.test(text)) return timeOf(text)
  return text
}

function withTimes(value: unknown): unknown {
  const text = JSON.stringify(value)
  const times = /"(\d{4}-\d\d-\d\dT[\d:.]+\+00:00)"/g
  return JSON.parse(text.replaceAll(times, (_, time: string) => String(timeOf(time))))
}

/** PostgreSQL leaves out the minutes of an offset, and zeros of a fraction. */
function timeOf(text: string): number {
  return micros(text.replace(' ', 'T').replace(/\+00$/, '+00:00'))
}
