/** `tollbook import`: imports the keys of the service that Tollbook replaces. See docs/MIGRATION.md. */
import postgres from 'postgres'
import type { ImportReport } from '../../import/import-report.ts'
import { openOldDatabase } from '../../import/old-database.ts'
import { runImport } from '../../import/run-import.ts'
import { cliActor } from '../cli-actor.ts'
import { command } from '../command.ts'
import { withLedger } from '../open-ledger.ts'
import { changeArgs } from '../options/ledger-args.ts'
import { bold, dim, formatNumber, heading, json, pairs, table } from '../output.ts'
import { openProgress } from '../progress.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  from: {
    type: 'string',
    valueHint: 'URL',
    description: "PostgreSQL URL of the replaced service's database; it is only read",
    required: true,
  },
  'dry-run': { type: 'boolean', description: 'Print what would be done, and write nothing' },
  ...changeArgs,
} as const

export default command(
  {
    description:
      'Import the keys of the replaced service, so that no customer has to change one. It can be repeated.',
    examples: ['import --from postgres://…/old --dry-run', 'import --from postgres://…/old'],
  },
  args,
  async (args) => {
    const progress = openProgress()
    const source = openOldDatabase(args.from)
    try {
      const { report, legacyKeys } = await withLedger(args, async (ledger) => ({
        legacyKeys: ledger.config.legacyKeys,
        report: await runImport({
          source,
          ...{ sql: ledger.sql, commands: ledger.commands, config: ledger.config },
          prefixes: ledger.environment.keyPrefixes,
          actor: cliActor(args),
          dryRun: args['dry-run'] === true,
          progress: progress.show,
        }),
      }))
      progress.stop()
      if (!report) {
        throw new UsageError(
          'no tariff is in force, so there are no plans: "tollbook prices publish".',
        )
      }
      if (args.json) json({ ...report, legacyKeys })
      else print(report, legacyKeys)
      if (report.conflicts.length > 0) process.exitCode = 1
    } catch (error) {
      throw wrongSource(error) ?? error
    } finally {
      progress.stop()
      await source.close()
    }
  },
)

/** Explains a missing table of the replaced service. Otherwise the user would be advised to run `tollbook migrate`. */
function wrongSource(error: unknown): UsageError | undefined {
  if (!(error instanceof postgres.PostgresError)) return undefined
  if (!/api_gateway|api_keys|api_usage_daily/.test(error.message + (error.query ?? '')))
    return undefined
  return new UsageError(
    `--from names a database without the tables of the replaced service (${error.message}).`,
  )
}

function print(report: ImportReport, legacyKeys: boolean): void {
  const { keys, accounts, use, usage, conflicts, shared, dryRun } = report
  const plans = Object.entries(accounts.byPlan).map(
    ([plan, count]) => `${formatNumber(count)} on ${plan}`,
  )
  console.log(bold(dryRun ? 'This is what an import would do; nothing was written.' : 'Imported.'))
  pairs([
    ['Keys found', keys.found],
    [dryRun ? 'Keys to import' : 'Keys imported', keys.imported],
    ['Keys there already', keys.already],
    ['Keys left out', keys.leftOut],
    ['Keys that work', keys.usable],
    ['Accounts', plans.join(', ') || 'none'],
    ['Accounts opened', dryRun ? null : accounts.opened],
    ['Used this month', `${formatNumber(use.used)} credits`],
    [
      "Taken from this month's allowances",
      use.taken === null ? null : `${formatNumber(use.taken)} credits now`,
    ],
    ['Rows of daily usage', usage.found],
    ['Rows written', usage.written ?? null],
    ['Rows that cannot be', usage.unsound || null],
  ])
  if (usage.changed) {
    console.log(
      dim(
        `${formatNumber(usage.changed)} months of keys have changed since they were imported, and stay as they were.`,
      ),
    )
  }
  if (shared.length > 0) {
    heading('Credits a month that keys had each, and now share')
    table(
      ['Account', 'Owner', 'Keys', 'Before', 'Plan', 'Now'],
      shared.map((of) => [of.accountId, of.owner, of.keys, of.before, of.plan, of.now]),
    )
    console.log(dim('"tollbook accounts plan" and "tollbook grants add" give more.'))
  }
  if (conflicts.length > 0) {
    heading('Left out')
    table(
      ['Key', 'Owner', 'Because', 'What to do'],
      conflicts.map((key) => [key.keyId, key.owner, key.problem, key.advice]),
    )
    console.log(dim('Then import again: what is in the ledger already stays as it is.'))
  }
  if (!legacyKeys) {
    console.log(
      `\n${bold('Set "legacyKeys: true" in tollbook.yaml')} and restart the gateways: without it they refuse imported keys, which carry no checksum.`,
    )
  }
}
