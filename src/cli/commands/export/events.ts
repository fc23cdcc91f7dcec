/** `tollbook export events` */
import { type EventRange, eventRanges, eventRows } from '../../../reports/export-rows.ts'
import { command } from '../../command.ts'
import { fileArgs, runExport } from '../../export-to-file.ts'
import { ledgerArgs, withSql } from '../../open-ledger.ts'
import { placeOf } from '../../options/option-values.ts'

const args = {
  ...fileArgs,
  from: { type: 'string', valueHint: 'WHERE', description: 'First position (0-1234), or a time' },
  to: {
    type: 'string',
    valueHint: 'WHERE',
    description: 'The last position, or a time before which (the log’s end)',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Every event with all its columns but the encrypted personal data. Broken off, the same command goes on.',
    examples: [
      'export events log.csv',
      'export events october.parquet --from 2026-10-01 --to 2026-11-01',
    ],
  },
  args,
  (args) =>
    withSql(args, async (sql) => {
      const from = placeOf('from', args.from)
      const to = placeOf('to', args.to)
      await runExport(args, {
        what: `events from ${args.from ?? 'the beginning'} to ${args.to ?? 'the end'}`,
        async open(kept) {
          // Gone on with, it ends where the log ended when it was begun.
          const ranges = (kept ?? (await eventRanges(sql, { from, to }))) as EventRange[]
          return { rows: eventRows(sql, ranges), scope: ranges }
        },
      })
    }),
)
