/** Rows as a Parquet file: one row group, compressed with Snappy. */
import { type ParquetWriteOptions, parquetWriteBuffer } from 'hyparquet-writer'
import type { CellValue, RowColumn } from '../reports/log-reader/row-source.ts'

export function parquetFile(
  columns: readonly RowColumn[],
  rows: readonly (readonly CellValue[])[],
): Uint8Array {
  const columnData = columns.map(({ name, kind }, i) => ({
    name,
    data: rows.map((row) => cellOf(kind, row[i] ?? null)),
  }))
  const schema = [{ name: 'root', num_children: columns.length }, ...columns.flatMap(schemaOf)]
  return new Uint8Array(
    parquetWriteBuffer({
      columnData,
      schema: schema as NonNullable<ParquetWriteOptions['schema']>,
      rowGroupSize: Math.max(rows.length, 1),
      createdBy: 'tollbook',
    }),
  )
}

function schemaOf({ name, kind }: RowColumn): object[] {
  const optional = { name, repetition_type: 'OPTIONAL' }
  switch (kind) {
    case 'text':
    case 'json': // As text: the writer would make JSON of it once more.
      return [{ ...optional, type: 'BYTE_ARRAY', converted_type: 'UTF8' }]
    case 'integer':
      return [{ ...optional, type: 'INT64' }]
    case 'time':
      return [
        {
          ...{ ...optional, type: 'INT64' },
          logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
        },
      ]
    case 'integers':
      return [
        { ...optional, converted_type: 'LIST', num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        { name: 'element', type: 'INT64', repetition_type: 'REQUIRED' },
      ]
    default:
      return kind satisfies never
  }
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
