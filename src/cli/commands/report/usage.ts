import { isKnown } from '../../../reports/usage/is-known.ts'
import { readMostRefused } from '../../../reports/usage/refusals.ts'
import { readUsageBy } from '../../../reports/usage/usage-by.ts'
import { readUsageByDay } from '../../../reports/usage/usage-by-day.ts'
import { usageDimensions } from '../../../reports/usage/usage-dimensions.ts'
import { daysOf } from '../../../reports/usage/usage-figures.ts'
import { readUsageOverview } from '../../../reports/usage/usage-overview.ts'
import { readUsageSummary } from '../../../reports/usage/usage-summary.ts'
import { command } from '../../command.ts'
import type { DatabaseArgs } from '../../database.ts'
import { withSql } from '../../open-ledger.ts'
import { ledgerArgs } from '../../options/ledger-args.ts'
import { monthArg, monthOrCurrent } from '../../options/month-arg.ts'
import { parsePositiveInteger } from '../../options/option-values.ts'
import {
  type Subject,
  subjectArgs,
  subjectName,
  subjectOf,
  subjectUnknown,
} from '../../options/subject-args.ts'
import { json } from '../../output.ts'
import { printMostRefused, printOverview, printRows, printUsage } from '../../print/print-usage.ts'
import { UsageError } from '../../usage-error.ts'

/** Of the keys whose calls were refused, so many lines: those with the most calls. */
const maxRefused = 20

const args = {
  ...subjectArgs,
  ...monthArg,
  by: { type: 'string', description: `One table by ${usageDimensions.join(', ')}` },
  'from-log': {
    type: 'boolean',
    description: 'With --by: from the log instead of the daily figures',
  },
  limit: { type: 'string', valueHint: 'N', description: 'With --by: rows at most (default: all)' },
  ...ledgerArgs,
} as const

export default command(
  {
    description: 'Usage in a month: of an account, of a key, or of all accounts.',
    examples: ['report usage --key key_…', 'report usage --by endpoint --month 2026-01'],
  },
  args,
  async (args) => {
    const subject = subjectOf(args)
    const month = monthOrCurrent(args.month)
    if (args.by !== undefined) return reportBy(args.by, month, subject, args)
    if (args['from-log'] || args.limit) throw new UsageError('--from-log and --limit need --by.')
    if (subject) return reportSubject(month, subject, args)
    if (args.test) throw new UsageError('--test needs --account ID or --key ID.')
    const days = daysOf(month)
    const [overview, refusals] = await withSql(args, (sql) =>
      Promise.all([readUsageOverview(sql, days), readMostRefused(sql, { days }, maxRefused)]),
    )
    if (args.json) json({ month, ...overview, refusals })
    else {
      printOverview({ month, ...overview })
      printMostRefused(refusals)
    }
  },
)

interface Options extends DatabaseArgs {
  readonly 'from-log'?: boolean | undefined
  readonly limit?: string | undefined
  readonly json?: boolean | undefined
  readonly test?: boolean | undefined
}

/** The usage of one account or key: its sums, and the days they are made of. */
async function reportSubject(month: string, subject: Subject, options: Options): Promise<void> {
  const usage = await withSql(options, async (sql) => {
    if (!(await isKnown(sql, subject))) throw subjectUnknown(subject)
    const summary = await readUsageSummary(sql, { ...subject, month })
    return { month, summary, days: await readUsageByDay(sql, { ...subject, ...daysOf(month) }) }
  })
  if (options.json) json(usage)
  else printUsage(subjectName(subject), usage)
}

/** One table by a dimension; without a subject it covers all accounts. */
async function reportBy(
  dimension: string,
  month: string,
  subject: Subject | undefined,
  options: Options,
): Promise<void> {
  const by = usageDimensions.find((known) => known === dimension)
  if (!by) {
    throw new UsageError(`--by takes one of ${usageDimensions.join(', ')}, not "${dimension}".`)
  }
  const over = options['from-log'] || by === 'hour' ? 'log' : 'projection'
  const limit =
    options.limit === undefined ? undefined : parsePositiveInteger('--limit', options.limit)
  const mode = options.test ? ({ mode: 'test' } as const) : {}
  const days = daysOf(month)
  const [found, refusals] = await withSql(options, async (sql) => {
    if (subject && !(await isKnown(sql, subject))) throw subjectUnknown(subject)
    return Promise.all([
      readUsageBy(sql, { ...mode, ...subject, ...days, by, over }),
      readMostRefused(sql, { ...mode, ...subject, days }, maxRefused),
    ])
  })
  const rows = found.slice(0, limit)
  if (options.json) json({ month, by, over, rows, refusals })
  else {
    printRows({ month, by, over, rows })
    printMostRefused(refusals)
  }
}
