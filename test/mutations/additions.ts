/** Events that the ledger would have refused, added to the end of a log as whoever owns the database could. */
import type { Sql } from '../../src/ledger/connect.ts'
import { type EventRow, hashAgain, readLife } from './copies.ts'

/**
 * Adds copies of events, each as `change` makes it, at the time of the log's last event.
 * @returns where the first of them stands
 */
export async function addCopies(
  vandal: Sql,
  events: readonly EventRow[],
  change: (row: EventRow) => object,
): Promise<number> {
  const last = (await readLife(vandal)).at(-1) as EventRow
  const first = last.position + 1
  const { recorded_at } = last
  const added = events.map((row, i) => ({
    ...row,
    ...{ position: first + i, recorded_at, occurred_at: recorded_at },
    ...change(row),
    event_hash: '\\x00',
  }))
  await vandal`
    insert into events
    select * from json_populate_recordset(null::events, ${JSON.stringify(added)}::text::json)`
  await hashAgain(
    vandal,
    added.map(({ position }) => position),
  )
  await vandal`update heads set position = ${first + added.length - 1}`
  return first
}
