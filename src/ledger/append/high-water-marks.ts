/**
 * How far this process has seen the log of each shard. A log that was put back, or rewritten, does not have what was seen. The
 * ledger compares them when a producer registers and when a management command is sent, and nothing is sold until the owner
 * accepts the loss. A mark never falls, and is kept in a file for the process that follows.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Sql } from '../connect.ts'
import { isLogEnd } from '../log-end.ts'

export interface HighWaterMark {
  /** Raised each time that the owner of a log accepts a loss. */
  readonly epoch: number
  /** Of the last event that was seen. */
  readonly position: number
  /** The hex hash of that event. */
  readonly hash: string
}

/** The file that keeps the marks is of another ledger, or cannot be read. */
export class MarkFileRefused extends Error {
  override readonly name = 'MarkFileRefused'
}

export interface MarkFile {
  /** Hex hash of the log's first event. It tells ledgers apart. */
  readonly ledger: string
  readonly shards: readonly (HighWaterMark & { readonly shard: number })[]
}

export class HighWaterMarks {
  private readonly marks = new Map<number, HighWaterMark>()

  /** undefined: nothing was seen of the shard. */
  of(shard: number): HighWaterMark | undefined {
    return this.marks.get(shard)
  }

  /** Raises the mark of a shard, if this is further. */
  raise(shard: number, mark: HighWaterMark): void {
    const seen = this.marks.get(shard)
    if (!seen || isFurther(mark, seen)) this.marks.set(shard, mark)
  }

  /** @throws MarkFileRefused */
  async load(sql: Sql, file: string): Promise<void> {
    const kept = readMarkFile(file)
    if (!kept) return
    const ledger = await readLedgerId(sql)
    if (ledger !== undefined && ledger !== kept.ledger) {
      throw new MarkFileRefused(
        `${file} says what was seen of another ledger, or the first event of this one was changed. If this is meant to be another ledger, remove the file.`,
      )
    }
    for (const { shard, ...mark } of kept.shards) this.raise(shard, mark)
  }

  async store(sql: Sql, file: string): Promise<void> {
    const ledger = await readLedgerId(sql)
    if (ledger === undefined || this.marks.size === 0) return
    const shards = [...this.marks].map(([shard, mark]) => ({ shard, ...mark }))
    const content: MarkFile = { ledger, shards }
    // Renamed into its place, so that a crash leaves the old file or the new one.
    writeFileSync(`${file}.new`, `${JSON.stringify(content)}\n`)
    renameSync(`${file}.new`, file)
  }
}

function isFurther(mark: HighWaterMark, than: HighWaterMark): boolean {
  return mark.epoch > than.epoch || (mark.epoch === than.epoch && mark.position > than.position)
}

/** @returns undefined when there is no such file. @throws MarkFileRefused */
export function readMarkFile(file: string): MarkFile | undefined {
  if (!existsSync(file)) return undefined
  const refuse = (why: string) =>
    new MarkFileRefused(`${file} cannot be read (${why}): remove it if it is not a gateway's.`)
  let kept: Partial<MarkFile> | null
  try {
    kept = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw refuse(String(error))
  }
  if (!isMarkFile(kept)) throw refuse('it does not say what was seen of a ledger')
  return kept
}

/** A file that says nothing of any shard was not written by a gateway either. */
function isMarkFile(kept: Partial<MarkFile> | null): kept is MarkFile {
  const { ledger, shards } = kept ?? {}
  if (typeof ledger !== 'string' || !Array.isArray(shards) || shards.length === 0) return false
  return shards.every((mark) => isLogEnd(mark) && typeof mark.hash === 'string')
}

/** undefined: the log is empty. */
export async function readLedgerId(sql: Sql): Promise<string | undefined> {
  const [row] = await sql<[{ ledger: string | null }]>`select ledger_id_v1() as ledger`
  return row.ledger ?? undefined
}
