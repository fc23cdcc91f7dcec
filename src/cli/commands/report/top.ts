import { readTopUsers } from '../../../reports/usage/top-users.ts'
import { daysOf } from '../../../reports/usage/usage-figures.ts'
import { command } from '../../command.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { monthArg, monthOrCurrent } from '../../options/month-arg.ts'
import { parsePositiveInteger } from '../../options/option-values.ts'
import { json } from '../../output.ts'
import { printTop } from '../../print/print-usage.ts'

const args = {
  ...monthArg,
  limit: { type: 'string', valueHint: 'N', description: 'Accounts at most', default: '20' },
  ...ledgerArgs,
} as const

export default command(
  {
    description: 'The accounts that were charged most in a month.',
    examples: ['report top --month 2026-01 --limit 5'],
  },
  args,
  async (args) => {
    const month = monthOrCurrent(args.month)
    const limit = parsePositiveInteger('--limit', args.limit)
    const users = await withSql(args, (sql) => readTopUsers(sql, { ...daysOf(month), limit }))
    if (args.json) json({ month, users })
    else printTop(month, users)
  },
)
