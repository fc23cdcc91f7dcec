/** `tollbook restore`: restores a backup, and records that the events after it are lost. */
import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { RestoreRefused, restoreLines } from '../../ledger/backup/restore-lines.ts'
import { acceptLoss as acceptLossOf } from '../../ledger/commands/owner-commands.ts'
import { readHeads } from '../../ledger/read/read-heads.ts'
import { catchUp } from '../../projector/catch-up.ts'
import { command } from '../command.ts'
import { type DatabaseArgs, databaseUrl } from '../database.ts'
import { withOwnerSql } from '../open-ledger.ts'
import { ledgerArgs } from '../options/ledger-args.ts'
import { formatNumber, json, say } from '../output.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  file: { type: 'positional', required: false, description: 'The backup to restore' },
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
      'Restore a backup into an empty database, as the owner of the database. Everything is checked, and either all of it or nothing is written.',
    examples: [
      'restore ledger.jsonl.gz --database postgres://owner@db/new',
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
    const restored = args.file === undefined ? undefined : await restore(args.file, args)
    const accepted = args.reason === undefined ? undefined : await acceptLoss(args.reason, args)
    if (args.json) return json({ ...restored, ...(accepted && { accepted }) })
    if (restored) {
      say(`${formatNumber(restored.events)} events restored, up to ${restored.upTo.join(', ')}.`)
    }
    if (accepted) {
      const heads = accepted.map(
        ({ shard, position, epoch }) => `${shard}-${position} (epoch ${epoch})`,
      )
      say(`The loss is accepted, at ${heads.join(', ')}: gateways serve this ledger again.`)
    }
  },
)

async function restore(file: string, args: DatabaseArgs) {
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}.`)
  const progress = openProgress()
  try {
    const url = await databaseUrl(args)
    const done = await restoreLines(
      url,
      linesOf(file),
      (total, events) => progress.show('events', total, events),
      async (tx, shards) => {
        while ((await catchUp(tx, shards)) > 0);
      },
    )
    const { head, ...end } = done
    const upTo = head.shards.map(({ shard, position }) => `${shard}-${position}`)
    return { file, upTo, ...end }
  } catch (error) {
    throw error instanceof RestoreRefused ? refusalOf(file, error) : error
  } finally {
    progress.stop()
  }
}

/** @throws RestoreRefused when the file is not compressed as backups are */
async function* linesOf(file: string): AsyncGenerator<string> {
  const unpacked = createGunzip()
  const input = createReadStream(file)
  input.on('error', (error) => unpacked.destroy(error))
  try {
    yield* createInterface({ input: input.pipe(unpacked), crlfDelay: Number.POSITIVE_INFINITY })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'Z_BUF_ERROR') throw new RestoreRefused('cut_off', 'it was cut off')
    if (code?.startsWith('Z_')) throw new RestoreRefused('not_a_backup', message)
    throw error
  }
}

function refusalOf(file: string, { fault, message }: RestoreRefused): UsageError {
  if (fault === 'not_empty' || fault === 'other_shards') {
    return new UsageError(
      `nothing was restored: ${message}. Name a new, empty database (--database).`,
    )
  }
  return new UsageError(`nothing was restored from ${file}: ${message}. Use another backup.`)
}

/** Every shard gets an event, which raises its epoch. @returns where the log then ends */
async function acceptLoss(reason: string, args: DatabaseArgs) {
  return withOwnerSql(args, async (sql) => {
    for (const { shard } of await readHeads(sql)) await acceptLossOf(sql, shard, reason)
    return readHeads(sql)
  })
}
