/** Writes rows to a file of text, or to a folder of Parquet files, which may be broken off and gone on with. */
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
import type { Rows, Value } from '../reports/export-rows.ts'
import {
  type Checkpoint,
  finish,
  partOf,
  readCheckpoint,
  writeCheckpoint,
  writeDurably,
} from './export-checkpoint.ts'
import { parquetFile } from './parquet-file.ts'
import { csv, jsonLines, type TextFormat } from './text-format.ts'

export const exportFormats = ['csv', 'jsonl', 'parquet'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface ExportRequest {
  /** The file to write; of parquet the folder. It must not be there. */
  readonly target: string
  readonly format: ExportFormat
  /** Names what the rows are, so that another export is not gone on with. */
  readonly what: string
  /** The rows to write, and what has to be kept to read the same ones again; given that, where it was kept. */
  readonly open: (kept: unknown) => Promise<{ readonly rows: Rows; readonly scope: unknown }>
  /** Rows of one Parquet file; 50,000 unless said. */
  readonly fileRows?: number
  readonly progress?: (done: number, total: number | undefined) => void
}

interface Exported {
  readonly rows: number
  /** Rows that an earlier run had written. */
  readonly resumedAt: number
}

/** @throws when it is broken off; asking again goes on with it */
export async function exportRows(request: ExportRequest): Promise<Exported> {
  const { target, format, what } = request
  const name = `${format}: ${what}`
  const before = readCheckpoint(target, name)
  const { rows, scope } = await request.open(before?.scope)
  const begin = before ?? { what: name, scope, rows: 0, written: 0 }
  const end = await (format === 'parquet' ? toFolder : toFile)(request, rows, begin)
  finish(target)
  return { rows: end.rows, resumedAt: begin.rows }
}

async function toFile(request: ExportRequest, rows: Rows, begin: Checkpoint): Promise<Checkpoint> {
  const { target, progress } = request
  const format: TextFormat = request.format === 'csv' ? csv : jsonLines
  // Appending, so that what follows a cut stands at the cut.
  const file = openSync(partOf(target), 'a', 0o600)
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
  rows: Rows,
  begin: Checkpoint,
): Promise<Checkpoint> {
  const { target, fileRows = 50_000, progress } = request
  const folder = partOf(target)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (const name of readdirSync(folder)) {
    if (Number.parseInt(name, 10) >= begin.written || !name.endsWith('.parquet'))
      rmSync(join(folder, name))
  }
  let at = begin
  let waiting: (readonly Value[])[] = []
  let upTo = at.upTo
  for await (const batch of rows.batches(at.upTo)) {
    waiting.push(...batch.rows)
    upTo = batch.upTo
    if (waiting.length >= fileRows) writeFile()
  }
  // A folder without a file would have no columns to tell of.
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
