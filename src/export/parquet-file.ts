/** Rows as a Parquet file: one row group, compressed with Snappy. */
import { type ParquetWriteOptions, parquetWriteBuffer } from 'hyparquet-writer'
import type { CellValue, RowColumn } from '../reports/log-reader/row-source.ts'
import { parquetSchema } from './parquet-schema.ts'

export function parquetFile(
  columns: readonly RowColumn[],
  rows: readonly (readonly CellValue[])[],
): Uint8Array {
  const columnData = columns.map(({ name, kind }, i) => ({
    name,
    data: rows.map((row) => cellOf(kind, row[i] ?? null)),
  }))
  return new Uint8Array(
    parquetWriteBuffer({
      columnData,
      schema: parquetSchema(columns) as NonNullable<ParquetWriteOptions['schema']>,
      rowGroupSize: Math.max(rows.length, 1),
      createdBy: 'tollbook',
    }),
  )
}

function cellOf(kind: RowColumn['kind'], value: CellValue) {
  if (value === null) return null
  if (kind === 'integer' || kind === 'time') return int64(value as number | string)
  return kind === 'integers' ? (value as readonly number[]).map(BigInt) : value
}

/** @throws RangeError for a sum that no integer of Parquet is: it would be written as another one */
function int64(value: number | string): bigint {
  const integer = BigInt(value)
  if (BigInt.asIntN(64, integer) === integer) return integer
  throw new RangeError(`${value} is too large for a Parquet file: export CSV or JSON lines`)
}
