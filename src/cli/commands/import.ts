/** `tollbook import`: imports the keys of the service that Tollbook replaces. See docs/MIGRATION.md. */
import postgres from 'postgres'
import { openOldDatabase } from '../../import/old-database.ts'
import { runImport } from '../../import/run-import.ts'
import { resolveDatabaseUrl } from '../../ledger/connection/parse-database-url.ts'
import { cliActor } from '../cli-actor.ts'
import { command } from '../command.ts'
import { withLedger } from '../open-ledger.ts'
import { changeArgs } from '../options/ledger-args.ts'
import { json } from '../output.ts'
import { printImport } from '../print/print-import.ts'
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
    const source = openOldDatabase(resolveDatabaseUrl(args.from, process.env))
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
      else printImport(report, legacyKeys)
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
