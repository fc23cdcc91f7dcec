/** Prints the tables of projections as they were at a point of the log. Nothing in the database is changed. */
import type { LogPosition } from '../../../events/event.ts'
import type { Projection } from '../../../projections/projection.ts'
import { asOf } from '../../projector/as-of.ts'
import { bold, type Cell, say, table, write } from '../output.ts'
import { openProgress } from '../progress.ts'

type Row = Record<string, unknown>

/** So many rows are printed as one table, with its headings. */
const maxRowsOfTable = 1_000

/** As text, tables; as JSON, one row a line. */
export async function printAsOf(
  projections: readonly Projection[],
  options: {
    readonly url: string
    readonly positions: readonly LogPosition[]
    readonly accountId: string | undefined
    readonly json: boolean | undefined
  },
): Promise<void> {
  const progress = openProgress()
  const request = { ...options, progress: progress.show }
  try {
    for (const projection of projections) {
      let rows: Row[] = []
      let current: string | undefined
      for await (const each of asOf(projection, request)) {
        progress.stop()
        if (options.json) {
          await write(`${JSON.stringify(each)}\n`)
          continue
        }
        if (each.table !== current || rows.length === maxRowsOfTable) {
          printRows(current, rows)
          rows = []
        }
        current = each.table
        rows.push(each.row)
      }
      printRows(current, rows)
    }
  } finally {
    progress.stop()
  }
}

function printRows(name: string | undefined, rows: readonly Row[]): void {
  const [first] = rows
  if (name === undefined || first === undefined) return
  say(`\n${bold(name)}`)
  const columns = Object.keys(first)
  table(
    columns,
    rows.map((row) => columns.map((column) => cellOf(row[column]))),
  )
}

function cellOf(value: unknown): Cell {
  const isPlain = value === null || typeof value === 'number' || typeof value === 'string'
  return isPlain ? value : JSON.stringify(value)
}
