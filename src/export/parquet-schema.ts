/** The schema of a Parquet file, as the writer takes it: every column may have nulls. */
import type { CopiedColumn } from '../reports/log-reader/copied-events.ts'
import type { RowColumn } from '../reports/log-reader/row-source.ts'

type Column = Pick<RowColumn | CopiedColumn, 'name' | 'kind'>

export function parquetSchema(columns: readonly Column[]): object[] {
  return [{ name: 'root', num_children: columns.length }, ...columns.flatMap(schemaOf)]
}

function schemaOf({ name, kind }: Column): object[] {
  const optional = { name, repetition_type: 'OPTIONAL' }
  switch (kind) {
    case 'text':
    case 'bytes': // As text in hex.
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
