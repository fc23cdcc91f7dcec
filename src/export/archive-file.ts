/** Events as a Parquet file: a row group for each piece of the log, compressed with Zstandard. */
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { CopiedColumn } from '../reports/log-reader/copied-events.ts'
import { parquetSchema } from './parquet-schema.ts'

/** A reader skips row groups by these. */
const withStatistics = ['shard', 'position', 'recorded_at', 'occurred_at']
/** Each value is another one, so there is no use in looking for repetitions. */
const unique = ['request_id', 'event_hash']

interface ArchiveFile {
  add(columns: readonly CopiedColumn[]): void
  finish(): Uint8Array
}

export function openArchiveFile(
  columns: readonly Pick<CopiedColumn, 'name' | 'kind'>[],
): ArchiveFile {
  const writer = new ByteWriter()
  const file = new ParquetWriter({
    writer,
    schema: parquetSchema(columns),
    codec: 'ZSTD',
    compressors: { ZSTD: (bytes: Uint8Array) => Bun.zstdCompressSync(bytes, { level: 1 }) },
    statistics: false,
    createdBy: 'tollbook',
  } as ConstructorParameters<typeof ParquetWriter>[0])
  return {
    add(piece) {
      const columnData = piece.map(({ name, values }) => ({
        ...{ name, data: values as unknown[], statistics: withStatistics.includes(name) },
        ...(unique.includes(name) && { encoding: 'PLAIN' as const }),
      }))
      const rows = piece[0]?.values.length ?? 0
      if (rows > 0) file.write({ columnData, rowGroupSize: rows })
    },
    finish() {
      file.finish()
      return new Uint8Array(writer.getBytes())
    },
  }
}
