/** `tollbook keys report`: what a key did, for whoever has to assess the damage of a leak. */
import { type KeyReport, readKeyReport } from '../../../reports/usage/key-report.ts'
import { command } from '../../command.ts'
import { withLedger } from '../../open-ledger.ts'
import { keyArg } from '../../options/key-arg.ts'
import { configArg, ledgerArgs } from '../../options/ledger-args.ts'
import { parseTime } from '../../options/option-values.ts'
import {
  asCredits,
  bold,
  dim,
  formatNumber,
  heading,
  json,
  say,
  table,
  time,
} from '../../output.ts'
import { stateOf } from '../../print/print-key.ts'
import { printRefusals } from '../../print/print-usage.ts'
import { UsageError } from '../../usage-error.ts'

const args = {
  ...keyArg,
  since: {
    type: 'string',
    valueHint: 'TIME',
    description: 'A time, a day, or a span before now such as 24h or 7d',
    required: true,
  },
  ...configArg,
  ...ledgerArgs,
} as const

export default command(
  {
    description: 'Print what a key did since a time: calls, credits, failures, and changes to it.',
    examples: ['keys report key_… --since 24h', 'keys report key_… --since 2026-01-31T12:00:00Z'],
  },
  args,
  async (args) => {
    const since = parseTime('--since', args.since, 'past', new Date())
    const { key, report } = await withLedger(args, async ({ sql, management }) => ({
      key: await management.readKey('everyone', args.key),
      report: await readKeyReport(sql, args.key, since),
    }))
    if (!key) throw new UsageError(`the ledger has no key ${args.key}; see "tollbook keys list".`)
    const { display, accountId } = key
    const state = stateOf(key)
    if (args.json) return json({ display, accountId, state, ...report })
    say(bold(`Key ${report.keyId} (${display}, ${state}) of ${accountId}`))
    print(report)
  },
)

function print(report: KeyReport): void {
  const { endpoints, refusals, open, changes, lastCharges, firstAt, lastAt } = report
  say(dim(`Since ${time(report.since)} UTC`))
  if (firstAt === null || lastAt === null) say('No calls.')
  else {
    say(`First call ${time(firstAt)}, last one ${time(lastAt)} UTC.`)
    heading('Calls')
    table(
      ['Endpoint', 'Charged', 'Credits', 'Not charged', 'Free'],
      endpoints.map((use) => [
        use.endpoint,
        use.charged,
        asCredits(use.credits),
        use.failed,
        use.free,
      ]),
    )
  }
  printRefusals(refusals)
  if (open > 0) say(`${formatNumber(open)} more calls are in flight.`)
  printEvents('Changes to the key', changes)
  printEvents(
    lastCharges.length === 1 ? 'Last charge' : `Last ${lastCharges.length} charges`,
    lastCharges,
  )
}

function printEvents(title: string, lines: KeyReport['changes']): void {
  if (lines.length === 0) return
  heading(title)
  table(
    ['Time (UTC)', 'Position', 'What', 'Request', 'By'],
    lines.map((line) => [
      time(line.time),
      line.position,
      line.summary,
      line.requestId ?? '',
      line.actor.startsWith('key:') ? 'the key' : line.actor,
    ]),
  )
}
