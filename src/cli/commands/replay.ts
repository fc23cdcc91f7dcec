/** `tollbook replay` */
import { projections } from '../../../projections/index.ts'
import type { Projection } from '../../../projections/projection.ts'
import { rebuildAll } from '../../projector/rebuild/rebuild.ts'
import { command } from '../command.ts'
import { databaseUrl } from '../database.ts'
import { withSql } from '../open-ledger.ts'
import { ledgerArgs } from '../options/ledger-args.ts'
import { formatNumber, json, say } from '../output.ts'
import { openProgress } from '../progress.ts'
import { positionsAt } from '../replay/positions-at.ts'
import { printAsOf } from '../replay/print-as-of.ts'
import { unknownName } from '../unknown-name.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  projection: {
    type: 'positional',
    required: false,
    description: 'Projection, or several with commas between; all of them unless named',
  },
  'as-of': {
    type: 'string',
    valueHint: 'POSITION|TIME',
    description: 'Rebuild nothing; print the tables as they were after that event or at that time',
  },
  account: {
    type: 'string',
    valueHint: 'ACCOUNT',
    description: 'With --as-of: only rows of that account',
  },
  ...ledgerArgs,
} as const

export default command(
  {
    description:
      'Rebuild projections from the log, or print them as they were. A rebuild needs the owner of the schema. It runs beside the tables in service, swaps the new tables in at the end, and resumes after an interruption.',
    examples: [
      'replay',
      'replay daily_usage --json',
      'replay key_state,monthly_balances',
      'replay balances --as-of 0-4711 --account acc_…',
      'replay key_state --as-of 2026-01-31T12:00:00Z --json',
    ],
  },
  args,
  async (args) => {
    const chosen = chooseProjections(args.projection)
    const when = args['as-of']
    if (when === undefined && args.account !== undefined) {
      throw new UsageError('--account goes with --as-of.')
    }
    const url = await databaseUrl(args)
    if (when === undefined) return rebuild(chosen, url, args.json)
    const positions = await withSql(args, (sql) => positionsAt(sql, when))
    await printAsOf(chosen, { url, positions, accountId: args.account, json: args.json })
  },
)

async function rebuild(
  chosen: readonly Projection[],
  url: string,
  asJson: boolean | undefined,
): Promise<void> {
  const progress = openProgress({ lines: true })
  try {
    const done = await rebuildAll(chosen, { url, progress: progress.show })
    progress.stop()
    if (asJson) return json(done)
    for (const { projection, events, resumed, swapMs } of done) {
      const more = resumed ? ' more, after an interruption' : ''
      say(
        `${projection}: ${formatNumber(events)} events${more}; swapped in ${Math.ceil(swapMs)} ms.`,
      )
    }
  } finally {
    progress.stop()
  }
}

function chooseProjections(names: string | undefined): readonly Projection[] {
  return names === undefined ? projections : [...new Set(names.split(','))].map(projectionNamed)
}

function projectionNamed(name: string): Projection {
  const found = projections.find((projection) => projection.name === name)
  if (found) return found
  throw unknownName(
    'projection',
    name,
    projections.map((projection) => projection.name),
  )
}
