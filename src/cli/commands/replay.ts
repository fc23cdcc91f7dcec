/** `tollbook replay`: builds projections anew from the log, or shows them as they stood. */
import { type LogPosition, parsePosition } from '../../../events/event.ts'
import { projections } from '../../../projections/index.ts'
import type { Projection } from '../../../projections/projection.ts'
import { didYouMean } from '../../config/did-you-mean.ts'
import { readHeads } from '../../ledger/backup/backup-lines.ts'
import type { Sql } from '../../ledger/connect.ts'
import { asOf } from '../../projector/as-of.ts'
import { rebuildAll } from '../../projector/rebuild/rebuild.ts'
import { positionAt } from '../../reports/log-reader/log-range.ts'
import { command } from '../command.ts'
import { databaseUrl } from '../database.ts'
import { UsageError } from '../errors.ts'
import { ledgerArgs, withSql } from '../open-ledger.ts'
import { moment } from '../options/option-values.ts'
import { bold, formatNumber, json, table, write } from '../output.ts'
import { openProgress } from '../progress.ts'

const args = {
  projection: {
    type: 'positional',
    required: false,
    description: 'Which one, or several with commas between; all of them unless said',
  },
  'as-of': {
    type: 'string',
    valueHint: 'POSITION|TIME',
    description:
      'Change nothing, and print the tables as they stood after that event or at that time',
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
      'Build projections anew from the log, as the owner, beside those in service, and swap them in. Nobody waits; what was interrupted goes on.',
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
    if (args['as-of'] !== undefined) return printAsOf(chosen, args['as-of'], args)
    if (args.account !== undefined) throw new UsageError('--account goes with --as-of.')
    const progress = openProgress({ lines: true })
    try {
      const url = await databaseUrl(args)
      const done = await rebuildAll(chosen, { url, progress: progress.show })
      progress.stop()
      if (args.json) return json(done)
      for (const { projection, events, resumed, swapMs } of done) {
        const went = resumed ? ' more, after an interruption' : ''
        console.log(
          `${projection}: ${formatNumber(events)} events${went}; swapped in ${Math.ceil(swapMs)} ms.`,
        )
      }
    } finally {
      progress.stop()
    }
  },
)

/** @throws UsageError when there is none of such a name */
function chooseProjections(chosen: string | undefined): readonly Projection[] {
  return chosen === undefined ? projections : [...new Set(chosen.split(','))].map(projectionNamed)
}

function projectionNamed(name: string): Projection {
  const found = projections.find((projection) => projection.name === name)
  if (found) return found
  const names = projections.map((projection) => projection.name)
  const meant = didYouMean(name, names)
  throw new UsageError(
    `there is no projection "${name}"; ${meant ? `did you mean "${meant}"?` : `there are ${names.join(', ')}.`}`,
  )
}

/** Prints tables as they stood; as JSON, a row a line. */
async function printAsOf(
  chosen: readonly Projection[],
  when: string,
  args: {
    readonly database?: string | undefined
    readonly account?: string | undefined
    readonly json?: boolean | undefined
  },
): Promise<void> {
  const url = await databaseUrl(args)
  const positions = await withSql(args, (sql) => positionsAt(sql, when))
  const progress = openProgress()
  try {
    for (const projection of chosen) {
      const accountId = args.account
      const options = { url, positions, accountId, progress: progress.show }
      let rows: Record<string, unknown>[] = []
      let shown: string | undefined
      for await (const each of asOf(projection, options)) {
        progress.stop()
        if (args.json) {
          await write(`${JSON.stringify(each)}\n`)
          continue
        }
        if (each.table !== shown || rows.length === rowsAtOnce) {
          printRows(shown, rows)
          rows = []
        }
        shown = each.table
        rows.push(each.row)
      }
      printRows(shown, rows)
    }
  } finally {
    progress.stop()
  }
}

/** So many rows make a table to read, with its head. */
const rowsAtOnce = 1_000

function printRows(name: string | undefined, rows: readonly Record<string, unknown>[]): void {
  const [first] = rows
  if (name === undefined || first === undefined) return
  console.log(`\n${bold(name)}`)
  const heads = Object.keys(first)
  const cell = (value: unknown) =>
    value === null || typeof value === 'number' || typeof value === 'string'
      ? value
      : JSON.stringify(value)
  table(
    heads,
    rows.map((row) => heads.map((head) => cell(row[head]))),
  )
}

/**
 * The last event of each shard by then. A position names one shard, and counts alone.
 * @throws UsageError when the log is not that long
 */
async function positionsAt(sql: Sql, when: string): Promise<LogPosition[]> {
  const heads = await readHeads(sql)
  const at = parsePosition(when)
  if (at) {
    const head = heads.find(({ shard }) => shard === at.shard)
    if (!head) throw new UsageError(`this ledger has no shard ${at.shard}.`)
    if (at.position > head.position) {
      throw new UsageError(`the log ends at ${at.shard}-${head.position}, before ${when}.`)
    }
    return [at]
  }
  // What was recorded in that millisecond counts.
  const time = moment('as-of', when, 'ago', new Date())
  return Promise.all(
    heads.map(async ({ shard }) => ({
      shard,
      position: (await positionAt(sql, shard, new Date(time.getTime() + 1))) - 1,
    })),
  )
}
