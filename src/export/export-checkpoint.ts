/**
 * How far an export has come, so that it can be broken off at any time and continued. The export is written to
 * TARGET.part and gets its name when it is complete; TARGET.checkpoint says how far it is. A checkpoint is written
 * after its rows are on disk. What was written after the last checkpoint is truncated and written again.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'

export interface ExportCheckpoint {
  /** What is exported, and in which format. */
  readonly what: string
  /** What the first run decided for all, such as where the log ended. */
  readonly scope: unknown
  /** The `upTo` of the last batch: see RowSource. */
  readonly upTo?: string
  readonly rows: number
  /** How much of TARGET.part there is: bytes of a file, files of a folder. */
  readonly written: number
}

export function partialPath(target: string): string {
  return `${target}.part`
}

/** The checkpoint of an export of `what`; undefined when none was begun. */
export function readCheckpoint(target: string, what: string): ExportCheckpoint | undefined {
  if (!existsSync(checkpointOf(target))) return undefined
  const found = JSON.parse(readFileSync(checkpointOf(target), 'utf8')) as ExportCheckpoint
  return found.what === what && existsSync(partialPath(target)) ? found : undefined
}

export function writeCheckpoint(target: string, checkpoint: ExportCheckpoint): void {
  const file = checkpointOf(target)
  writeDurably(`${file}.new`, JSON.stringify(checkpoint))
  renameSync(`${file}.new`, file)
}

/** Gives a complete export its name. */
export function finishExport(target: string): void {
  renameSync(partialPath(target), target)
  rmSync(checkpointOf(target), { force: true })
}

export function writeDurably(file: string, content: string | Uint8Array): void {
  const descriptor = openSync(file, 'w', 0o600)
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function checkpointOf(target: string): string {
  return `${target}.checkpoint`
}
