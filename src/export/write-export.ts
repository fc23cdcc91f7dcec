/** Writes rows to a text file or to a folder of Parquet files. An export that was broken off is continued. */
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { CellValue, RowSource } from '../reports/log-reader/row-source.ts'
import {
  type ExportCheckpoint,
  finishExport,
  partialPath,
  readCheckpoint,
  writeCheckpoint,
  writeDurably,
} from './export-checkpoint.ts'
import { parquetFile } from './parquet-file.ts'
import { csv, jsonLines, type TextFormat } from './text-format.ts'

export const exportFormats = ['csv', 'jsonl', 'parquet'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface ExportRequest {
  /** The file to write, or the folder for Parquet. It must not exist. */
  readonly target: string
  readonly format: ExportFormat
  /** What the rows are. An export of other rows to the same target begins anew. */
  readonly what: string
  /**
   * Opens the rows. `scope` is kept, and passed as `kept` when the export is continued, so that the same rows are read.
   */
  readonly open: (kept: unknown) => Promise<{ readonly rows: RowSource; readonly scope: unknown }>
  /** Rows in one Parquet file; 50,000 unless given. */
  readonly fileRows?: number
  readonly progress?: (done: number, total: number | undefined) => void
}

interface Exported {
  readonly rows: number
  /** How many of them an earlier run had written. */
  readonly resumedAt: number
}

/** @throws when it is broken off; the next call with the same request continues it */
export async function writeExport(request: ExportRequest): Promise<Exported> {
  const { target, format, what } = request
  const name = `${format}: ${what}`
  const before = readCheckpoint(target, name)
  const { rows, scope } = await request.open(before?.scope)
  const begin = before ?? { what: name, scope, rows: 0, written: 0 }
  const end = await (format === 'parquet' ? toFolder : toFile)(request, rows, begin)
  finishExport(target)
  return { rows: end.rows, resumedAt: begin.rows }
}

async function toFile(
  request: ExportRequest,
  rows: RowSource,
  begin: ExportCheckpoint,
): Promise<ExportCheckpoint> {
  const { target, progress } = request
  const format: TextFormat = request.format === 'csv' ? csv : jsonLines
  // Appending, so that after truncation new rows follow the kept ones.
  const file = openSync(partialPath(target), 'a', 0o600)
  let at = begin
  try {
    ftruncateSync(file, at.written)
    if (at.written === 0) write(format.head(rows.columns))
    for await (const batch of rows.batches(at.upTo)) {
      write(batch.rows.map((row) => format.line(rows.columns, row)).join(''))
      fsyncSync(file)
      at = { ...at, upTo: batch.upTo, rows: at.rows + batch.rows.length }
      writeCheckpoint(target, at)
      progress?.(at.rows, rows.total)
    }
    return at
  } finally {
    closeSync(file)
  }

  function write(text: string): void {
    const bytes = Buffer.from(text)
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done)
    at = { ...at, written: at.written + bytes.length }
  }
}

async function toFolder(
  request: ExportRequest,
  rows: RowSource,
  begin: ExportCheckpoint,
): Promise<ExportCheckpoint> {
  const { target, fileRows = 50_000, progress } = request
  const folder = partialPath(target)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(folder)) {
    if (Number.parseInt(name, 10) >= begin.written || !name.endsWith('.parquet'))
      rmSync(join(folder, name))
  }
  let at = begin
  let waiting: (readonly CellValue[])[] = []
  let upTo = at.upTo
  for await (const batch of rows.batches(at.upTo)) {
    waiting.push(...batch.rows)
    upTo = batch.upTo
    if (waiting.length >= fileRows) writeFile()
  }
  // Even without rows there is one file, which has the columns.
  if (waiting.length > 0 || at.written === 0) writeFile()
  return at

  function writeFile(): void {
    const name = `${String(at.written).padStart(6, '0')}.parquet`
    writeDurably(join(folder, name), parquetFile(rows.columns, waiting))
    at = { ...at, ...(upTo && { upTo }), rows: at.rows + waiting.length, written: at.written + 1 }
    waiting = []
    writeCheckpoint(target, at)
    progress?.(at.rows, rows.total)
  }
}
