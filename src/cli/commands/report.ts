/** `tollbook report`: statements and usage, computed from the ledger, for people or as JSON. */
import { writeFileSync } from 'node:fs'
import { defineCommand } from 'citty'
import { monthOf, parseMonth } from '../../reports/log-reader/month.ts'
import { type StatementPeriod, statement } from '../../reports/statement/statement.ts'
import { statementCsv } from '../../reports/statement/statement-csv.ts'
import { statementPage } from '../../reports/statement/statement-page.ts'
import { daysOf, isKnown, usageByDay, usageSummary } from '../../reports/usage/usage.ts'
import { usageBy, usageDimensions } from '../../reports/usage/usage-by.ts'
import { topUsers, usageOverview } from '../../reports/usage/usage-overview.ts'
import { UsageError } from '../errors.ts'
import { withSql } from '../open-ledger.ts'
import { checkOptions, placeOf, positiveInteger } from '../options/option-values.ts'
import { exitOnError, json, write } from '../output.ts'
import { printStatement } from '../print/print-statement.ts'
import { printOverview, printRows, printTop, printUsage } from '../print/print-usage.ts'

const shared = {
  database: { type: 'string', valueHint: 'URL', description: 'PostgreSQL URL (DATABASE_URL)' },
  json: { type: 'boolean', description: 'Print one JSON document' },
} as const

const subject = {
  account: { type: 'string', valueHint: 'ID', description: 'Account id (acc_…)' },
  key: {
    type: 'string',
    valueHint: 'ID',
    description: 'Key id (key_…): only the calls of this key',
  },
  test: { type: 'boolean', description: 'Test mode instead of live' },
} as const

const statementArgs = {
  ...subject,
  month: { type: 'string', description: 'Month, as 2026-01' },
  day: { type: 'string', description: 'A day of it instead, as 2026-01-31' },
  tz: {
    type: 'string',
    valueHint: 'ZONE',
    description: 'Zone whose days and months they are',
    default: 'UTC',
  },
  'as-of': {
    type: 'string',
    valueHint: 'WHERE',
    description: 'As it stood then: a position (0-1234) or a time',
  },
  lines: { type: 'boolean', description: 'List every charge' },
  csv: { type: 'boolean', description: 'Print its entries as CSV' },
  html: {
    type: 'string',
    valueHint: 'FILE',
    description: 'Write a page that can be printed to this file',
  },
  ...shared,
} as const

const month = { type: 'string', description: 'UTC month, as 2026-01 (the present one)' } as const
const usageArgs = {
  ...subject,
  month,
  by: { type: 'string', description: `One table by ${usageDimensions.join(', ')}` },
  'from-log': {
    type: 'boolean',
    description: 'With --by: from the log instead of the daily figures',
  },
  limit: { type: 'string', valueHint: 'N', description: 'With --by: rows at most (all)' },
  ...shared,
} as const
const topArgs = {
  month,
  limit: { type: 'string', valueHint: 'N', description: 'Accounts at most', default: '20' },
  ...shared,
} as const

const statementCommand = defineCommand({
  meta: {
    name: 'statement',
    description: 'The statement of an account, or of a key, for a month or a day.',
  },
  args: statementArgs,
  run: ({ args }) =>
    exitOnError(async () => {
      checkOptions(args, statementArgs)
      const of = subjectOf(args)
      if (!of) throw new UsageError('whose statement? Pass --account ID or --key ID.')
      if ([args.csv, args.html, args.json].filter(Boolean).length > 1) {
        throw new UsageError('pass one of --csv, --html and --json.')
      }
      const period = { ...periodOf(args), timeZone: args.tz }
      const asOf = placeOf('as-of', args['as-of'])
      const found = await withSql(args, (sql) =>
        statement(sql, { ...of, ...period, ...(asOf && { asOf }), lines: args.lines === true }),
      )
      if (!found) throw new UsageError(`the ledger has no ${nameOf(of)}.`)
      if (args.json) json(found)
      else if (args.csv) await write(statementCsv(found))
      else if (args.html) writeFileSync(args.html, statementPage(found))
      else printStatement(found)
    }),
})

function periodOf(args: { month?: string | undefined; day?: string | undefined }): StatementPeriod {
  if (args.month !== undefined && args.day === undefined) return { month: args.month }
  if (args.day !== undefined && args.month === undefined) return { day: args.day }
  throw new UsageError('of when? Pass --month 2026-01 or --day 2026-01-31.')
}

const usageCommand = defineCommand({
  meta: { name: 'usage', description: 'Usage in a month: of an account, of a key, or of all.' },
  args: usageArgs,
  run: ({ args }) =>
    exitOnError(async () => {
      checkOptions(args, usageArgs)
      const of = subjectOf(args)
      const month = monthOr(args.month)
      if (args.by !== undefined) return printUsageBy({ ...args, by: args.by, month }, of)
      if (args['from-log'] || args.limit) throw new UsageError('--from-log and --limit need --by.')
      if (!of && args.test) throw new UsageError('--test needs --account ID or --key ID.')
      if (!of) {
        const overview = await withSql(args, (sql) => usageOverview(sql, daysOf(month)))
        if (args.json) json({ month, ...overview })
        else printOverview({ month, ...overview })
        return
      }
      const usage = await withSql(args, async (sql) => {
        if (!(await isKnown(sql, of))) throw new UsageError(`the ledger has no ${nameOf(of)}.`)
        const summary = await usageSummary(sql, { ...of, month })
        return { month, summary, days: await usageByDay(sql, { ...of, ...daysOf(month) }) }
      })
      if (args.json) json(usage)
      else printUsage(nameOf(of), usage)
    }),
})

/** One table of it; everyone's, where nobody is named. */
async function printUsageBy(
  args: {
    readonly by: string
    readonly month: string
    readonly 'from-log'?: boolean | undefined
    readonly limit?: string | undefined
    readonly database?: string | undefined
    readonly json?: boolean | undefined
    readonly test?: boolean | undefined
  },
  of: Subject | undefined,
): Promise<void> {
  const by = usageDimensions.find((dimension) => dimension === args.by)
  if (!by)
    throw new UsageError(`--by takes one of ${usageDimensions.join(', ')}, not "${args.by}".`)
  const over = args['from-log'] || by === 'hour' ? 'log' : 'projection'
  const limit = args.limit === undefined ? undefined : positiveInteger('limit', args.limit)
  const mode = args.test ? ({ mode: 'test' } as const) : {}
  const found = await withSql(args, async (sql) => {
    if (of && !(await isKnown(sql, of))) throw new UsageError(`the ledger has no ${nameOf(of)}.`)
    return usageBy(sql, { ...mode, ...of, ...daysOf(args.month), by, over })
  })
  const rows = found.slice(0, limit)
  const { month } = args
  if (args.json) json({ month, by, over, rows })
  else printRows({ month, by, over, rows })
}

const topCommand = defineCommand({
  meta: { name: 'top', description: 'The accounts that were charged most in a month.' },
  args: topArgs,
  run: ({ args }) =>
    exitOnError(async () => {
      checkOptions(args, topArgs)
      const month = monthOr(args.month)
      const limit = positiveInteger('limit', args.limit)
      const users = await withSql(args, (sql) => topUsers(sql, { ...daysOf(month), limit }))
      if (args.json) json({ month, users })
      else printTop(month, users)
    }),
})

export default defineCommand({
  meta: { name: 'report', description: 'Statements and usage, computed from the ledger.' },
  subCommands: { statement: statementCommand, usage: usageCommand, top: topCommand },
})

interface Subject {
  readonly accountId?: string
  readonly keyId?: string
  readonly mode?: 'test'
}

function subjectOf(args: {
  account?: string | undefined
  key?: string | undefined
  test?: boolean | undefined
}): Subject | undefined {
  if (args.account && args.key) throw new UsageError('pass --account or --key, not both.')
  const mode = args.test ? ({ mode: 'test' } as const) : {}
  if (args.account) return { accountId: args.account, ...mode }
  return args.key ? { keyId: args.key, ...mode } : undefined
}

function nameOf({ accountId, keyId }: Subject): string {
  return keyId === undefined ? `account ${accountId}` : `key ${keyId}`
}

function monthOr(month: string | undefined): string {
  if (month === undefined) return monthOf(new Date())
  if (!parseMonth(month)) throw new UsageError(`"${month}" is not a month: write it as 2026-01`)
  return month
}
