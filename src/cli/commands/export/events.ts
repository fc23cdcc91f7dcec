/** `tollbook export events` */
import { ArchiveRefused, openArchiveStore } from '../../../export/archive-store.ts'
import { followLog } from '../../../export/follow-log.ts'
import type { Sql } from '../../../ledger/connect.ts'
import { type EventRange, eventRanges, eventRows } from '../../../reports/log-reader/event-rows.ts'
import { command } from '../../command.ts'
import { exportToFile, fileArgs } from '../../export-to-file.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { parsePositionOrTime } from '../../options/option-values.ts'
import { formatNumber, json, say } from '../../output.ts'
import { openProgress } from '../../progress.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...fileArgs,
  follow: {
    type: 'boolean',
    description:
      'Go on with an archive in this folder, or in s3://bucket/prefix: write what was recorded since the last time, as Parquet by months',
  },
  from: { type: 'string', valueHint: 'WHERE', description: 'First position (0-1234), or a time' },
  to: {
    type: 'string',
    valueHint: 'WHERE',
    description: 'Last position, or a time: only events before it (default: the end of the log)',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Export every event, with all columns except the encrypted personal data. After an interruption, the same command resumes.',
    examples: [
      'export events log.csv',
      'export events october.parquet --from 2026-10-01 --to 2026-11-01',
      'export events archive --follow',
    ],
  },
  args,
  (args) =>
    withSql(args, async (sql) => {
      if (args.follow) return followArchive(sql, args)
      const from = parsePositionOrTime('--from', args.from)
      const to = parsePositionOrTime('--to', args.to)
      await exportToFile(args, {
        what: `events from ${args.from ?? 'the beginning'} to ${args.to ?? 'the end'}`,
        async open(savedScope) {
          // A resumed export ends where the log ended when the export was started.
          const ranges = (savedScope ?? (await eventRanges(sql, { from, to }))) as EventRange[]
          return { rows: eventRows(sql, ranges), scope: ranges }
        },
      })
    }),
)

async function followArchive(
  sql: Sql,
  args: {
    readonly path: string
    readonly json?: boolean | undefined
    readonly format?: string | undefined
    readonly from?: string | undefined
    readonly to?: string | undefined
  },
): Promise<void> {
  for (const option of ['format', 'from', 'to'] as const) {
    if (args[option] !== undefined) {
      throw new UsageError(
        `--${option} does not go with --follow, which exports the whole log as Parquet.`,
      )
    }
  }
  const progress = openProgress()
  try {
    const show = (done: number, total: number) => progress.show('rows', total, done)
    const done = await followLog(sql, openArchiveStore(args.path), show)
    progress.stop()
    if (args.json) return json({ archive: args.path, ...done })
    say(
      `${args.path}: ${formatNumber(done.rows)} rows in ${formatNumber(done.files)} ${done.files === 1 ? 'file' : 'files'}.`,
    )
  } catch (error) {
    if (!(error instanceof ArchiveRefused)) throw error
    throw new UsageError(`${args.path}: ${error.message}.`)
  } finally {
    progress.stop()
  }
}
