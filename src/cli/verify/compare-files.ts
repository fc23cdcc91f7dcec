/** `verify --mark`: compares the log with files that say what it was: the `--state` file of a gateway, or a backup. */
import { closeSync, openSync, readSync } from 'node:fs'
import {
  MarkFileRefused,
  readLedgerId,
  readMarkFile,
} from '../../ledger/append/high-water-marks.ts'
import type { TrustedKey } from '../../ledger/backup/backup-signature.ts'
import { checkBackup } from '../../ledger/backup/check-backup.ts'
import { RestoreRefused } from '../../ledger/backup/restore-refused.ts'
import { connect, type Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import type { Progress } from '../../projector/progress.ts'
import { openBackupComparison } from '../../projector/verify/evidence/backup-comparison.ts'
import {
  compareMark,
  type Mark,
  type MarkFinding,
} from '../../projector/verify/evidence/check-evidence.ts'
import { onlyFromOutside } from '../../projector/verify/evidence/only-from-outside.ts'
import { backupFileLines } from '../backup/backup-file.ts'
import { unreadable } from '../unreadable.ts'
import { UsageError } from '../usage-error.ts'

export interface ComparedFile {
  readonly file: string
  readonly kind: 'gateway' | 'backup'
  /** How far it tells of each shard's log, such as `0-123`. */
  readonly upTo: readonly string[]
  /** What it has of events that were lost since: the owner accepted that at the first of these positions. */
  readonly lost: readonly { readonly from: string; readonly upTo: string }[]
  /** The key that signed a backup; null: whether one did was not asked. */
  readonly signedBy?: string | null
  /** How many faults there are, and the first of them. */
  readonly faulty: number
  readonly faults: readonly string[]
}

export interface FileComparison {
  readonly files: readonly ComparedFile[]
  /** What no rule can tell, and none of the files. */
  readonly onlyFromOutside: readonly string[]
}

interface CompareOptions {
  /** Reads the keys of which one must have signed each backup; undefined: nobody need have signed. Asked where there is a backup. */
  readonly readTrusted: () => readonly TrustedKey[] | undefined
  /** Faults of each file to describe; the others are only counted. */
  readonly maxDescribed: number
  readonly progress: Progress
}

/** @throws UsageError when a file is neither */
export async function compareFiles(
  url: string,
  files: readonly string[],
  options: CompareOptions,
): Promise<FileComparison> {
  const sql = connect({ url, as: 'reader', max: 1 })
  try {
    const given: { marks: Mark[]; compared: Mark[] } = { marks: [], compared: [] }
    const compared: ComparedFile[] = []
    for (const file of files) {
      const isPacked = beginsWith(file, [0x1f, 0x8b])
      compared.push(await (isPacked ? compareBackup : compareMarks)(sql, file, options, given))
    }
    return { files: compared, onlyFromOutside: onlyFromOutside(await readShards(sql), given) }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

async function compareMarks(
  sql: Sql,
  file: string,
  _: CompareOptions,
  given: { marks: Mark[] },
): Promise<ComparedFile> {
  const { ledger, shards } = readMarks(file)
  const faults: string[] = []
  const found: [Mark, MarkFinding][] = []
  if (ledger !== (await readLedgerId(sql))) {
    faults.push('it is of another ledger, or the first event was changed')
  }
  for (const mark of shards) {
    const finding = await compareMark(sql, mark)
    if (finding.fault !== undefined) faults.push(finding.fault)
    found.push([mark, finding])
  }
  given.marks.push(...found.map(knownBy))
  return { file, kind: 'gateway', ...extentOf(found), faulty: faults.length, faults }
}

function readMarks(file: string): { readonly ledger: string; readonly shards: readonly Mark[] } {
  try {
    const kept = readMarkFile(file)
    if (kept) return kept
  } catch (error) {
    if (!(error instanceof MarkFileRefused)) throw error
  }
  throw new UsageError(
    `${file} is no evidence: --mark takes the --state file of a gateway, or a backup.`,
  )
}

async function compareBackup(
  sql: Sql,
  file: string,
  { readTrusted, maxDescribed, progress }: CompareOptions,
  given: { compared: Mark[] },
): Promise<ComparedFile> {
  const trusted = readTrusted()
  const comparison = openBackupComparison(sql, maxDescribed)
  try {
    const lines = comparison.passing(backupFileLines(file))
    const { head } = await checkBackup(lines, trusted, (total, done) => progress(file, total, done))
    const { faulty, faults, compared } = await comparison.end(head.shards)
    given.compared.push(...compared.map(knownBy))
    const signedBy = trusted ? (head.signedBy ?? null) : null
    return { file, kind: 'backup', ...extentOf(compared), signedBy, faulty, faults }
  } catch (error) {
    if (error instanceof RestoreRefused) {
      throw new UsageError(`${file} is no evidence: ${error.message}.`)
    }
    throw error
  }
}

/** How far a shard's log is known by what was found. */
function knownBy([mark, { tellsUpTo }]: readonly [Mark, MarkFinding]): Mark {
  return { ...mark, position: tellsUpTo }
}

function extentOf(
  found: readonly (readonly [Mark, MarkFinding])[],
): Pick<ComparedFile, 'upTo' | 'lost'> {
  return {
    upTo: found.map(([mark, finding]) =>
      nameOf(finding.fault === undefined ? knownBy([mark, finding]) : mark),
    ),
    lost: found.flatMap(([mark, { lostFrom }]) =>
      lostFrom === undefined
        ? []
        : [{ from: nameOf({ ...mark, position: lostFrom }), upTo: nameOf(mark) }],
    ),
  }
}

function nameOf({ shard, position }: Mark): string {
  return `${shard}-${position}`
}

/** @throws UsageError when it cannot be read */
function beginsWith(file: string, bytes: readonly number[]): boolean {
  try {
    const opened = openSync(file, 'r')
    try {
      const start = Buffer.alloc(bytes.length)
      readSync(opened, start)
      return start.equals(Buffer.from(bytes))
    } finally {
      closeSync(opened)
    }
  } catch (error) {
    throw unreadable(file, error)
  }
}
