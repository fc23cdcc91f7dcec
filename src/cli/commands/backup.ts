/** `tollbook backup` */
import { createWriteStream, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { BackupEnd, BackupHead } from '../../ledger/backup/backup-format.ts'
import { BackupBroken, writeBackup } from '../../ledger/backup/write-backup.ts'
import { signerOf } from '../backup/signing-keys.ts'
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
    description:
      'The file to write (.jsonl.gz), or a folder: the file then gets a name with the time',
  },
  'sign-with': {
    type: 'string',
    valueHint: 'FILE',
    description:
      'The private key that signs it: Ed25519, as "openssl genpkey -algorithm ed25519" makes it (default: BACKUP_SIGN_WITH)',
  },
  unsigned: {
    type: 'boolean',
    description: 'Sign it with no key: nobody can tell then whether it is forged',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      "Write the whole ledger, as it is at one moment, to one signed file: events, the accounts' encryption keys, stored responses, results of commands. Gateways keep serving meanwhile.",
    examples: [
      'backup /backups --sign-with backup.key',
      'backup ledger.jsonl.gz --unsigned --json',
    ],
  },
  args,
  async (args) => {
    const file = fileOf(args.path)
    const signer = signerOf({ file: args['sign-with'], unsigned: args.unsigned })
    const progress = openProgress()
    const unfinished = `${file}.part`
    try {
      const done = await withOwnerSql(args, async (sql) => {
        const lines = writeBackup(sql, signer, (total, events) =>
          progress.show('events', total, events),
        )
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
      say(dim(signer ? `Signed by ${signer.fingerprint}` : 'Nobody has signed it.'))
      say(dim('The file holds the keys to personal data: keep it as safe as the database.'))
    } catch (error) {
      if (!(error instanceof BackupBroken)) throw error
      throw new UsageError(`nothing was backed up: ${error.message}. Begin again.`)
    } finally {
      progress.stop()
      rmSync(unfinished, { force: true })
    }
  },
)

const ending = '.jsonl.gz'

function fileOf(path: string): string {
  if (existsSync(path) && statSync(path).isDirectory()) {
    const time = new Date().toISOString().slice(0, 19).replaceAll(':', '')
    return join(path, `tollbook-${time}Z${ending}`)
  }
  if (existsSync(path)) throw new UsageError(`${path} already exists: name another file.`)
  if (path.endsWith(ending)) return path
  // Whoever means a folder would get a file of its name, and no second backup.
  throw new UsageError(
    `there is no folder ${path}: make it first, or name a file that ends in ${ending}.`,
  )
}
