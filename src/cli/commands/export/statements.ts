/** `tollbook export statements` */
import { statementRows } from '../../../reports/export-rows.ts'
import { parsePeriod } from '../../../reports/statement/read-statement.ts'
import { command } from '../../command.ts'
import { fileArgs, runExport } from '../../export-to-file.ts'
import { ledgerArgs, withSql } from '../../open-ledger.ts'

const args = {
  ...fileArgs,
  month: { type: 'string', required: true, description: 'Month, as 2026-01' },
  tz: { type: 'string', description: 'Zone whose month it is', default: 'UTC' },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      "Every account's statement of a month, entry by entry; of each account they add up to its closing.",
    examples: ['export statements october.csv --month 2026-10'],
  },
  args,
  (args) =>
    withSql(args, async (sql) => {
      const period = { month: args.month, timeZone: args.tz }
      parsePeriod(period)
      await runExport(args, {
        what: `statements of ${period.month} in ${period.timeZone}`,
        open: async () => ({ rows: statementRows(sql, period), scope: null }),
      })
    }),
)
