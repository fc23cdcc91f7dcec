/** Backups in memory, as lines. */
import type { Signer } from '../../src/ledger/backup/backup-signature.ts'
import { checkBackup } from '../../src/ledger/backup/check-backup.ts'
import { restoreBackup } from '../../src/ledger/backup/restore-backup.ts'
import { writeBackup } from '../../src/ledger/backup/write-backup.ts'
import type { Sql } from '../../src/ledger/connect.ts'

/** @param afterFirst is done when the first line is written */
export async function backupOf(
  sql: Sql,
  { signer, afterFirst }: { signer?: Signer; afterFirst?: () => Promise<unknown> } = {},
): Promise<string[]> {
  let text = ''
  for await (const piece of writeBackup(sql, signer, () => {})) {
    if (text === '') await afterFirst?.()
    text += piece
  }
  return text.slice(0, -1).split('\n')
}

export async function* given(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

/** Restores a backup whoever signed it. The projections that follow the log are not caught up. */
export async function restoreUnsigned(url: string, lines: readonly string[]): Promise<void> {
  const checked = await checkBackup(given(lines), undefined, () => {})
  await restoreBackup(
    url,
    checked,
    given(lines),
    () => {},
    async () => {},
  )
}
