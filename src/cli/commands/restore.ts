/** `tollbook restore`: restores a backup, and records that the events after it are lost. */
import { type CheckedBackup, checkBackup } from '../../ledger/backup/check-backup.ts'
import { restoreBackup } from '../../ledger/backup/restore-backup.ts'
import { RestoreRefused } from '../../ledger/backup/restore-refused.ts'
import { acceptLoss as acceptLossOf } from '../../ledger/commands/owner-commands.ts'
import { readHeads } from '../../ledger/read/read-heads.ts'
import { catchUp } from '../../projector/catch-up.ts'
import { backupFileLines, requireBackupFile } from '../backup/backup-file.ts'
import { trustedKeysOf } from '../backup/signing-keys.ts'
import { command } from '../command.ts'
import { type DatabaseArgs, databaseUrl } from '../database.ts'
import { inNewDataFolder, isNewDataFolder } from '../new-data-folder.ts'
import { withOwnerSql } from '../open-ledger.ts'
import { ledgerArgs } from '../options/ledger-args.ts'
import { complain, dim, formatNumber, json, say } from '../output.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  file: { type: 'positional', required: false, description: 'The backup to restore' },
  'signed-by': {
    type: 'string',
    valueHint: 'FILE',
    description:
      'The public key that you trust (PEM; several are several): one of them must have signed the backup (default: BACKUP_SIGNED_BY)',
  },
  unsigned: {
    type: 'boolean',
    description:
      'Restore it whoever made it: one that nobody has signed, that an earlier version wrote, or whose key is lost',
  },
  'accept-loss': {
    type: 'boolean',
    description:
      'Record in the log that the events after the backup are lost, so that gateways serve the ledger again',
  },
  reason: {
    type: 'string',
    valueHint: 'TEXT',
    description: 'With --accept-loss: what happened; the log keeps it unencrypted',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Restore a backup into an empty database, as the owner of the database, or into a new folder, where "tollbook up" goes on with it. Who signed it and whether it is whole is checked before anything is written, and either all of it or nothing is.',
    examples: [
      'restore ledger.jsonl.gz --signed-by backup.pub --database postgres://owner@db/new',
      'restore ledger.jsonl.gz --signed-by backup.pub --data restored',
      'restore --accept-loss --reason "disk of db-1 lost, last backup of 02:00"',
    ],
  },
  args,
  async (args) => {
    const acceptsLoss = args['accept-loss'] === true
    if (args.file === undefined && !acceptsLoss) {
      throw new UsageError('restore what? Name a backup, or pass --accept-loss and --reason.')
    }
    if (acceptsLoss !== (args.reason !== undefined)) {
      throw new UsageError(
        '--accept-loss and --reason go together: the log has to say what happened.',
      )
    }
    const { data, database } = args
    // Where both are named, that is refused below.
    const isNew = args.file && data && !database && isNewDataFolder(data)
    if (args.file !== undefined && !isNew) await databaseUrl(args)
    // Before there is a PostgreSQL in the folder: of a file that cannot be restored nothing is to be left.
    const backup = args.file === undefined ? undefined : await check(args.file, args)
    const { restored, accepted } = isNew
      ? await inNewDataFolder(
          data,
          (line) => complain(dim(line)),
          (database) => restoreAndAccept(backup, { ...args, database, data: undefined }),
        )
      : await restoreAndAccept(backup, args)
    if (args.json) return json({ ...restored, ...(accepted && { accepted }) })
    if (restored) {
      say(`${formatNumber(restored.events)} events restored, up to ${restored.upTo.join(', ')}.`)
      say(
        dim(restored.signedBy ? `Signed by ${restored.signedBy}` : 'Who made it was not checked.'),
      )
    }
    if (accepted) {
      const heads = accepted.map(
        ({ shard, position, epoch }) => `${shard}-${position} (epoch ${epoch})`,
      )
      say(`The loss is accepted, at ${heads.join(', ')}: gateways serve this ledger again.`)
    }
    if (isNew) say(`Go on with it: tollbook up --data ${data}`)
  },
)

interface RestoreArgs extends DatabaseArgs {
  readonly 'signed-by': string | undefined
  readonly unsigned: boolean | undefined
  readonly reason: string | undefined
}

interface WholeBackup extends CheckedBackup {
  readonly file: string
  /** Whether it is known who made it. */
  readonly isTrusted: boolean
}

async function check(file: string, args: RestoreArgs): Promise<WholeBackup> {
  requireBackupFile(file)
  const trusted = trustedKeysOf({ file: args['signed-by'], unsigned: args.unsigned })
  const checked = await withProgress(file, 'checked', (show) =>
    checkBackup(backupFileLines(file), trusted, show),
  )
  return { ...checked, file, isTrusted: trusted !== undefined }
}

async function restoreAndAccept(backup: WholeBackup | undefined, args: RestoreArgs) {
  const restored = backup && (await restore(backup, args))
  const accepted = args.reason === undefined ? undefined : await acceptLoss(args.reason, args)
  return { restored, accepted }
}

async function restore({ file, isTrusted, ...checked }: WholeBackup, args: RestoreArgs) {
  const url = await databaseUrl(args)
  await withProgress(file, 'restored', (show) =>
    restoreBackup(url, checked, backupFileLines(file), show, async (tx, shards) => {
      while ((await catchUp(tx, shards)) > 0);
    }),
  )
  const { head, end } = checked
  const upTo = head.shards.map(({ shard, position }) => `${shard}-${position}`)
  return { file, upTo, signedBy: isTrusted ? head.signedBy : null, ...end }
}

async function withProgress<T>(
  file: string,
  what: string,
  work: (show: (total: number, events: number) => void) => Promise<T>,
): Promise<T> {
  const progress = openProgress()
  try {
    return await work((total, events) => progress.show(what, total, events))
  } catch (error) {
    throw error instanceof RestoreRefused ? refusalOf(file, error) : error
  } finally {
    progress.stop()
  }
}

function refusalOf(file: string, { fault, message }: RestoreRefused): UsageError {
  switch (fault) {
    case 'not_empty':
    case 'other_shards':
      return new UsageError(
        `nothing was restored: ${message}. Name a new, empty database (--database), or a new folder (--data).`,
      )
    case 'unsigned':
      return new UsageError(
        `nothing was restored from ${file}: ${message}. If you know where it comes from, pass --unsigned instead of the key.`,
      )
    case 'other_key':
      return new UsageError(
        `nothing was restored from ${file}: ${message}. Use a backup of your own; if that key is yours, too, name its file with --signed-by.`,
      )
    default:
      return new UsageError(`nothing was restored from ${file}: ${message}. Use another backup.`)
  }
}

/** Every shard gets an event, which raises its epoch. @returns where the log then ends */
async function acceptLoss(reason: string, args: DatabaseArgs) {
  return withOwnerSql(args, async (sql) => {
    for (const { shard } of await readHeads(sql)) await acceptLossOf(sql, shard, reason)
    return readHeads(sql)
  })
}
