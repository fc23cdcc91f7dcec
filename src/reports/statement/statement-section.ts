/** A table of a statement with its heading and notes, for whatever medium. */
import type { CreditsCell } from '../../lib/credit-scale.ts'
import { localTime } from '../log-reader/period.ts'

export interface Section {
  readonly title: string
  readonly heads: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  /** The last row, where the table has one that adds up the others. */
  readonly total?: readonly Cell[]
  readonly notes: readonly string[]
}

/** A number is a figure, null an empty cell. */
export type Cell = string | number | bigint | CreditsCell | null

/** A table with its heading; nothing when it has no rows. */
export function table<Line>(
  title: string,
  heads: readonly string[],
  {
    lines,
    row,
    notes = [],
  }: { lines: readonly Line[]; row: (line: Line) => Cell[]; notes?: string[] },
): Section[] {
  return lines.length === 0 ? [] : [{ title, heads, rows: lines.map(row), notes }]
}

/** Times as the statement's zone has them, and heads that name the zone. */
export interface ZoneClock {
  at(time: string): string
  head(name: string): string
}

export function zoneClock(timeZone: string): ZoneClock {
  return {
    at: (time) => localTime(time, timeZone),
    head: (name) => `${name} (${timeZone})`,
  }
}
