/** `tollbook report statement` */
import { writeFileSync } from 'node:fs'
import { ConfigError } from '../../../config/config-error.ts'
import type { Seller } from '../../../config/file/seller.ts'
import { readAccount } from '../../../ledger/read/read-accounts.ts'
import type { PeriodRequest } from '../../../reports/statement/parse-period.ts'
import { partiesOf } from '../../../reports/statement/parties.ts'
import { readStatement } from '../../../reports/statement/read-statement.ts'
import { statementCsv } from '../../../reports/statement/statement-csv.ts'
import { statementPage } from '../../../reports/statement/statement-page.ts'
import { command } from '../../command.ts'
import { configOf } from '../../config-of.ts'
import type { DatabaseArgs } from '../../database.ts'
import { ifPermitted, withManagementSql, withSql } from '../../open-ledger.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { parsePositionOrTime } from '../../options/option-values.ts'
import { subjectArgs, subjectOf, subjectUnknown } from '../../options/subject-args.ts'
import { complain, creditScale, json, write } from '../../output.ts'
import { printStatement } from '../../print/print-statement.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...subjectArgs,
  month: { type: 'string', description: 'Month, as 2026-01' },
  day: { type: 'string', description: 'A day instead of a month, as 2026-01-31' },
  tz: {
    type: 'string',
    valueHint: 'ZONE',
    description: 'Time zone of the month or day',
    default: 'UTC',
  },
  'as-of': {
    type: 'string',
    valueHint: 'WHERE',
    description: 'The statement as it was then: a position (0-1234) or a time',
  },
  lines: { type: 'boolean', description: 'List every charge' },
  csv: { type: 'boolean', description: 'Print the entries as CSV' },
  html: { type: 'string', valueHint: 'FILE', description: 'Write a printable page to this file' },
  ...configArg,
  ...ledgerArgs,
} as const

export default command(
  {
    description: 'The statement of an account, or of a key, for a month or a day.',
    examples: [
      'report statement --account acc_… --month 2026-01',
      'report statement --account acc_… --month 2026-01 --tz Europe/Berlin --html january.html',
      'report statement --key key_… --day 2026-01-31 --lines',
    ],
  },
  args,
  async (args) => {
    const subject = subjectOf(args)
    if (!subject) throw new UsageError('whose statement? Pass --account ID or --key ID.')
    if ([args.csv, args.html, args.json].filter(Boolean).length > 1) {
      throw new UsageError('pass one of --csv, --html and --json.')
    }
    const period = { ...periodOf(args), timeZone: args.tz }
    const asOf = parsePositionOrTime('--as-of', args['as-of'])
    // CSV names nobody.
    const seller = args.csv ? undefined : sellerOf(args)
    const statement = await withSql(args, (sql) =>
      readStatement(sql, {
        ...subject,
        ...period,
        ...(asOf && { asOf }),
        lines: args.lines === true,
      }),
    )
    if (!statement) throw subjectUnknown(subject)
    if (args.csv) return write(statementCsv(statement))
    // Who may read statements alone reads no names.
    const buyer = await ifPermitted(() =>
      withManagementSql(args, (sql) => readAccount(sql, statement.accountId)),
    )
    const found = { ...statement, ...partiesOf(seller, buyer?.profile) }
    if (args.json) json(found)
    else if (args.html) writeFileSync(args.html, statementPage(found, creditScale(), seller))
    else printStatement(found)
  },
)

/** A statement stands without its seller: where nobody names a configuration, one that cannot be used is no reason to print nothing. */
function sellerOf(
  args: DatabaseArgs & { readonly config?: string | undefined },
): Seller | undefined {
  try {
    return configOf(args).seller
  } catch (error) {
    if (args.config !== undefined || !(error instanceof ConfigError)) throw error
    complain(`tollbook: the statement names no seller: ${error.message}`)
    return undefined
  }
}

function periodOf(args: { month?: string | undefined; day?: string | undefined }): PeriodRequest {
  if (args.month !== undefined && args.day === undefined) return { month: args.month }
  if (args.day !== undefined && args.month === undefined) return { day: args.day }
  throw new UsageError('of when? Pass --month 2026-01 or --day 2026-01-31.')
}
