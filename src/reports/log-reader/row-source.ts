/** Rows of a report that are read batch by batch, for exports. */

/** time: microseconds since 1970; json: the exact text. */
type ColumnKind = 'text' | 'integer' | 'time' | 'integers' | 'json'

export interface RowColumn {
  readonly name: string
  readonly kind: ColumnKind
}

/** A value of its column's kind. */
export type CellValue = string | number | readonly number[] | null

interface RowBatch {
  /** Where it ends: pass it to `batches` for the rows that follow. */
  readonly upTo: string
  readonly rows: readonly (readonly CellValue[])[]
}

/**
 * Each batch is read in a query of its own, so no snapshot lives long and memory holds one batch at most. The order of
 * the rows never changes.
 */
export interface RowSource {
  readonly columns: readonly RowColumn[]
  /** How many rows there are, where that is known before they are read. */
  readonly total?: number
  /** @param after the `upTo` of a batch; from the beginning unless given */
  batches(after?: string): AsyncGenerator<RowBatch>
}
