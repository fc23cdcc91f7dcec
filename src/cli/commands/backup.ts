/** `tollbook backup` */
import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { type BackupEnd, type BackupHead, backupLines } from '../../ledger/backup/backup-lines.ts'
import { command } from '../command.ts'
import { withOwnerSql } from '../open-ledger.ts'
import { ledgerArgs } from '../options/ledger-args.ts'
import { dim, formatNumber, json, say } from '../output.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  path: {
    type: 'positional',
    required: true,
    description: 'The file to write, or a folder: the file then gets a name with the time',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      "Write the whole ledger to one file: events, the accounts' encryption keys, results of commands. Gateways keep serving meanwhile.",
    examples: ['backup /backups', 'backup ledger.jsonl.gz --json'],
  },
  args,
  async (args) => {
    const file = fileOf(args.path)
    const progress = openProgress()
    const unfinished = `${file}.part`
    try {
      const done = await withOwnerSql(args, async (sql) => {
        const lines = backupLines(sql, (total, events) => progress.show('events', total, events))
        let result: (BackupEnd & { head: BackupHead }) | undefined
        const pieces = async function* () {
          result = yield* lines
        }
        // The file holds the keys to everybody's personal data, so only its owner may read it.
        const output = createWriteStream(unfinished, { mode: 0o600, flush: true })
        await pipeline(Readable.from(pieces()), createGzip(), output)
        return result as BackupEnd & { head: BackupHead }
      })
      renameSync(unfinished, file)
      progress.stop()
      if (args.json) return json({ file, ...done })
      const heads = done.head.shards.map(({ shard, position }) => `${shard}-${position}`).join(', ')
      say(`${file}: ${formatNumber(done.events)} events, up to ${heads}.`)
      say(dim(`SHA-256 of its lines: ${done.sha256}`))
      say(dim('The file holds the keys to personal data: keep it as safe as the database.'))
    } finally {
      progress.stop()
      rmSync(unfinished, { force: true })
    }
  },
)

function fileOf(path: string): string {
  if (existsSync(path) && statSync(path).isDirectory()) {
    const time = new Date().toISOString().slice(0, 19).replaceAll(':', '')
    return join(path, `tollbook-${time}Z.jsonl.gz`)
  }
  if (existsSync(path)) throw new UsageError(`${path} already exists: name another file.`)
  return path
}
