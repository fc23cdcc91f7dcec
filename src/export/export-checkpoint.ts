/**
 * An export that can be broken off at any time and gone on with. It is written beside its target, as
 * TARGET.part, and TARGET.checkpoint says how far it is; only when it is whole does it get its name. A
 * checkpoint is written after the rows that it vouches for are on disk. What was written after the last
 * one is cut off, and written again.
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

export interface Checkpoint {
  /** What is exported, in which format: another export begins anew. */
  readonly what: string
  /** What the first run settled and later ones keep to, such as where the log ended. */
  readonly scope: unknown
  /** How far the rows were read: see Batch. */
  readonly upTo?: string
  readonly rows: number
  /** How much of TARGET.part there is: bytes of a file, files of a folder. */
  readonly written: number
}

export function partOf(target: string): string {
  return `${target}.part`
}

/** Where an export of this stands; undefined when none was begun. */
export function readCheckpoint(target: string, what: string): Checkpoint | undefined {
  if (!existsSync(checkpointOf(target))) return undefined
  const found = JSON.parse(readFileSync(checkpointOf(target), 'utf8')) as Checkpoint
  return found.what === what && existsSync(partOf(target)) ? found : undefined
}

export function writeCheckpoint(target: string, checkpoint: Checkpoint): void {
  const file = checkpointOf(target)
  writeDurably(`${file}.new`, JSON.stringify(checkpoint))
  renameSync(`${file}.new`, file)
}

/** The export is whole: it gets its name. */
export function finish(target: string): void {
  renameSync(partOf(target), target)
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
