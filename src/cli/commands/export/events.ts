/** `tollbook export events` */
import { type EventRange, eventRanges, eventRows } from '../../../reports/log-reader/event-rows.ts'
import { command } from '../../command.ts'
import { exportToFile, fileArgs } from '../../export-to-file.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { parsePositionOrTime } from '../../options/option-values.ts'

const args = {
  ...fileArgs,
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
    ],
  },
  args,
  (args) =>
    withSql(args, async (sql) => {
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
