/**
 * Restores a backup up to its third line, and waits there for ever, within the transaction.
 *
 *   bun stalled-restore.ts URL FILE
 */
import { backupFileLines } from '../../src/cli/backup/backup-file.ts'
import { checkBackup } from '../../src/ledger/backup/check-backup.ts'
import { restoreBackup } from '../../src/ledger/backup/restore-backup.ts'

const [url = '', file = ''] = process.argv.slice(2)

async function* beginning(): AsyncGenerator<string> {
  const lines = backupFileLines(file)
  for (let i = 0; i < 3; i++) yield (await lines.next()).value
  console.log('stalled')
  await new Promise(() => {})
}

const checked = await checkBackup(backupFileLines(file), undefined, () => {})
await restoreBackup(
  url,
  checked,
  beginning(),
  () => {},
  async () => {},
)
