/** Reads the lines of a backup, and finds whether they are all of it, and nothing else. */
import { isLogEnd } from '../log-end.ts'
import {
  type BackupEnd,
  type BackupHead,
  countNone,
  formats,
  kindNames,
  type LineKind,
  lineKinds,
} from './backup-format.ts'
import { RestoreRefused } from './restore-refused.ts'

/** The end of a backup, and what signs it. */
export interface ReadEnd {
  readonly end: BackupEnd
  /** As it is written, which is what was signed. */
  readonly endLine: string
  readonly signatureLine?: string
}

/**
 * Reads the head, and then each line that is a row, by its kind.
 * @throws RestoreRefused
 */
export async function readBackup(lines: AsyncIterator<string>): Promise<{
  readonly head: BackupHead
  readonly rows: AsyncGenerator<readonly [LineKind, string], ReadEnd>
}> {
  const first = await lines.next()
  const line: string = first.done ? '' : first.value
  const head = headOf(line)
  const hash = new Bun.CryptoHasher('sha256')
  hash.update(`${line}\n`)
  return { head, rows: readRows(lines, head, hash) }
}

function headOf(line: string): BackupHead {
  const head = parsed(line)?.head as BackupHead | undefined
  if (!Array.isArray(head?.shards) || head.shards.length === 0 || !head.shards.every(isLogEnd)) {
    throw new RestoreRefused('not_a_backup', 'it does not begin like a backup')
  }
  if (!formats.includes(head.format)) {
    throw new RestoreRefused(
      'other_format',
      `its format is ${head.format}, and this version reads ${formats.join(', ')}`,
    )
  }
  return head
}

async function* readRows(
  lines: AsyncIterator<string>,
  head: BackupHead,
  hash: Bun.CryptoHasher,
): AsyncGenerator<readonly [LineKind, string], ReadEnd> {
  const counts = countNone()
  for (;;) {
    const { value: line, done } = await lines.next()
    if (done) throw new RestoreRefused('cut_off', 'it has no end: it was cut off')
    if (line.startsWith('{"end"')) {
      const end = endOf(line, counts, hash.digest('hex'))
      return { end, endLine: line, ...(await readSignature(lines, head)) }
    }
    const kind = kindNames.find((name) => line.startsWith(`{"${lineKinds[name].word}"`))
    if (!kind) throw new RestoreRefused('changed', 'it has a line that no backup has')
    counts[kind]++
    hash.update(`${line}\n`)
    yield [kind, line]
  }
}

function endOf(line: string, counts: Record<LineKind, number>, sha256: string): BackupEnd {
  const end = parsed(line)?.end as BackupEnd | undefined
  if (!end) throw new RestoreRefused('cut_off', 'its last line is not whole')
  if (end.sha256 !== sha256) {
    throw new RestoreRefused('changed', 'its lines do not have the hash that its end says')
  }
  // Before format 4 there were fewer kinds.
  if (kindNames.some((kind) => (end[kind] ?? 0) !== counts[kind])) {
    throw new RestoreRefused('changed', 'it does not have as many lines as its end says')
  }
  return { ...counts, sha256 }
}

async function readSignature(
  lines: AsyncIterator<string>,
  { signedBy }: BackupHead,
): Promise<{ readonly signatureLine?: string }> {
  const isSigned = typeof signedBy === 'string'
  const next = await lines.next()
  if (isSigned && next.done) {
    throw new RestoreRefused('cut_off', 'its signature is missing: it was cut off')
  }
  const after = isSigned ? await lines.next() : next
  if (!after.done) throw new RestoreRefused('changed', 'it goes on after its end')
  return isSigned ? { signatureLine: next.value } : {}
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) ?? undefined
  } catch {
    return undefined
  }
}
