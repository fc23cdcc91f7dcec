/** Whether a backup is whole, and made by whom the restorer trusts. Nothing of it is given to PostgreSQL before. */
import type { BackupEnd, BackupHead } from './backup-format.ts'
import type { TrustedKey } from './backup-signature.ts'
import { readBackup } from './read-backup.ts'
import { RestoreRefused } from './restore-refused.ts'

export interface CheckedBackup {
  readonly head: BackupHead
  readonly end: BackupEnd
}

/**
 * @param trusted the keys of which one must have signed; undefined: nobody need have signed
 * @throws RestoreRefused
 */
export async function checkBackup(
  lines: AsyncIterator<string>,
  trusted: readonly TrustedKey[] | undefined,
  progress: (total: number, done: number) => void,
): Promise<CheckedBackup> {
  const { head, rows } = await readBackup(lines)
  // Known before the rest is read. The signature says later whether it is true.
  const key = trusted && keyThatSigns(head, trusted)
  const total = head.shards.reduce((sum, { position }) => sum + position, 0)
  let events = 0
  for (;;) {
    const next = await rows.next()
    if (next.done) {
      const { end, endLine, signatureLine = '' } = next.value
      if (key && !key.isSigned(endLine, signatureLine)) {
        throw new RestoreRefused('forged', 'its signature is not one of its lines')
      }
      return { head, end }
    }
    if (next.value[0] !== 'events') continue
    if (++events % 10_000 === 0 || events === total) progress(total, events)
  }
}

function keyThatSigns({ signedBy }: BackupHead, trusted: readonly TrustedKey[]): TrustedKey {
  if (typeof signedBy !== 'string') throw new RestoreRefused('unsigned', 'nobody has signed it')
  const key = trusted.find(({ fingerprint }) => fingerprint === signedBy)
  if (key) return key
  throw new RestoreRefused(
    'other_key',
    `it is signed by the key ${signedBy}, and trusted is ${trusted.map(({ fingerprint }) => fingerprint).join(', ')}`,
  )
}
