import { parsePeriod } from '../../../reports/statement/parse-period.ts'
import { statementRows } from '../../../reports/statement/statement-rows.ts'
import { command } from '../../command.ts'
import { exportToFile, fileArgs } from '../../export-to-file.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'

const args = {
  ...fileArgs,
  month: { type: 'string', required: true, description: 'Month, as 2026-01' },
  tz: { type: 'string', valueHint: 'ZONE', description: 'Time zone of the month', default: 'UTC' },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      "Export every account's statement of a month. The entries of an account add up to its closing balance.",
    examples: ['export statements october.csv --month 2026-10'],
  },
  args,
  (args) =>
    withSql(args, async (sql) => {
      const period = { month: args.month, timeZone: args.tz }
      parsePeriod(period)
      await exportToFile(args, {
        what: `statements of ${period.month} in ${period.timeZone}`,
        open: async () => ({ rows: statementRows(sql, period), scope: null }),
      })
    }),
)
