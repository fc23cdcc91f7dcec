/** `tollbook simulate` */
import { maxAmount } from '../../../events/bounds.ts'
import { loadConfig } from '../../config/load-config.ts'
import { tariffOf } from '../../config/tariff.ts'
import { subtractSums } from '../../lib/sums.ts'
import type { Actor } from '../../management/actor.ts'
import { isRefused } from '../../management/decision.ts'
import type { Management } from '../../management/management.ts'
import { simulateTariff } from '../../reports/simulate/simulate-tariff.ts'
import type { Simulation } from '../../reports/simulate/simulation-shape.ts'
import { cliActor } from '../cli-actor.ts'
import { command } from '../command.ts'
import { withLedger } from '../open-ledger.ts'
import { changeArgs } from '../options/ledger-args.ts'
import { dim, formatNumber, json, say } from '../output.ts'
import { printSimulation } from '../print/print-simulation.ts'
import { refusalError } from '../refusal-error.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  prices: {
    type: 'string',
    required: true,
    valueHint: 'FILE',
    description: 'File with the other prices, such as tollbook.yaml',
  },
  from: {
    type: 'string',
    required: true,
    valueHint: 'MONTH',
    description: 'First month, as 2026-09',
  },
  to: { type: 'string', valueHint: 'MONTH', description: 'Last month (default: the first month)' },
  commit: {
    type: 'boolean',
    description: 'Grant or take the differences in credits, once; needs --reason',
  },
  ...changeArgs,
} as const

export default command(
  {
    description:
      'Compute what every account would have paid in some months under the prices and plans of a file. It is printed beside what they did pay. With --commit, the differences are granted or taken.',
    examples: [
      'simulate --prices cheaper.yaml --from 2026-09 --to 2026-10',
      'simulate --prices cheaper.yaml --from 2026-09 --commit --reason "the price was a mistake"',
    ],
  },
  args,
  async (args) => {
    if (args.commit && args.reason === undefined) throw new UsageError('--commit needs --reason.')
    const tariff = tariffOf(loadConfig({ file: args.prices, env: process.env }))
    const request = { from: args.from, to: args.to ?? args.from, tariff }
    await withLedger(args, async ({ sql, management }) => {
      const found = await simulateTariff(sql, request)
      const written = args.commit ? await commit(management, found, cliActor(args)) : undefined
      if (args.json) return json({ ...found, ...(written && { written }) })
      printSimulation(found)
      if (written) {
        say(`\n${formatNumber(written.length)} differences written, under ${found.externalId}.`)
      } else {
        say(dim('\nNothing was written. Fees are only compared: no event changes them.'))
      }
    })
  },
)

interface Written {
  readonly accountId: string
  /** Credits granted; negative where credits were taken. */
  readonly credits: number
  readonly positions: readonly string[]
}

/** Writes each account's difference under the external id of the simulation, so that it is written only once. */
async function commit(
  management: Management,
  { owners, externalId, final, from, to }: Simulation,
  actor: Actor,
): Promise<Written[]> {
  if (!final) {
    throw new UsageError(
      `${from === to ? from : `${from} to ${to}`} is not final: a month is not over, or calls of it are not finished.`,
    )
  }
  const written: Written[] = []
  for (const { accountId, credits, committed } of owners) {
    const difference = Number(subtractSums(credits.actual, credits.simulated))
    if (difference === 0 || committed.length > 0) continue
    if (Math.abs(difference) > maxAmount) {
      throw new UsageError(
        `the difference of ${accountId} is more than ${formatNumber(maxAmount)} credits, which one event cannot write: grant or adjust it in parts.`,
      )
    }
    const change = { credits: Math.abs(difference), mode: 'live', externalId } as const
    const done =
      difference > 0
        ? await management.grant(accountId, { ...change, kind: 'promotional' }, actor)
        : await management.adjust(accountId, change, actor)
    if (isRefused(done) && skippedRefusals.includes(done.refused)) continue
    if (isRefused(done)) throw refusalError(done)
    const positions = 'positions' in done ? done.positions : [done.position ?? '']
    written.push({ accountId, credits: difference, positions })
  }
  return written
}

/** The account was erased, or another commit has written its difference meanwhile. */
const skippedRefusals: readonly string[] = ['account_erased', 'external_id_taken']
