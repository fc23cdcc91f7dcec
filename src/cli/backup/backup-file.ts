/** Reads the lines of a backup's file. */
import { createReadStream, statSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { maxLineBytes } from '../../ledger/backup/backup-format.ts'
import { RestoreRefused } from '../../ledger/backup/restore-refused.ts'
import { LineFault, readLines } from '../../lib/read-lines.ts'
import { UsageError } from '../usage-error.ts'

/** A backup is read twice: checked first, then restored. @throws UsageError */
export function requireBackupFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found) throw new UsageError(`there is no file ${file}.`)
  if (found.isFile()) return
  throw new UsageError(
    `${file} is no file: a backup is read twice, so write it to a file first, and name that.`,
  )
}

/** @throws RestoreRefused when the file is not compressed as backups are, or has no lines of text */
export async function* backupFileLines(file: string): AsyncGenerator<string> {
  const unpacked = createGunzip({ chunkSize: 262_144 })
  const input = createReadStream(file)
  input.on('error', (error) => unpacked.destroy(error))
  try {
    yield* readLines(input.pipe(unpacked), maxLineBytes)
  } catch (error) {
    if (error instanceof LineFault) {
      if (error.fault === 'cut_off') throw new RestoreRefused('cut_off', 'it was cut off')
      throw new RestoreRefused('changed', 'it has a line that no backup has')
    }
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'Z_BUF_ERROR') throw new RestoreRefused('cut_off', 'it was cut off')
    if (code?.startsWith('Z_')) throw new RestoreRefused('not_a_backup', `${message} (gzip)`)
    throw error
  } finally {
    input.destroy()
  }
}
