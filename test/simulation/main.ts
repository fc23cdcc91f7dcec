/** `bun test/simulation/main.ts [options]`: runs seeds, and prints what breaches an invariant, shortened. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
// First of all: it replaces clocks and timers, before the product is loaded.
import './globals.ts'
import { openProgress } from '../../src/cli/progress.ts'
import { bugs, plant } from './bugs.ts'
import type { Failure, Report } from './run-seeds.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    trace: { type: 'string' },
    journal: { type: 'string' },
    to: { type: 'string' },
    login: { type: 'string' },
    only: { type: 'string', multiple: true },
    show: { type: 'string', default: '3' },
    first: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    bug: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  },
})

/** So often a line is failureText that differs from others by its numbers only. */
const maxRepeats = 8

const usage = `usage: bun test/simulation/main.ts [options]

Runs gateways, their clients and a ledger in memory under one scheduler, each run by its seed: calls, refunds and
management, with gateways that stop and die, a network that loses and delays, and a ledger that is put back. The
same seed is the same run, step by step. A run that breaches an invariant is shortened and failureText.

  --seeds N      how many runs (1000)         --from SEED   the first of them (by the clock)
  --trace SEED   tells one run, whole         --only NAME   minds this invariant only
  --show N       shortens so many failures (3)
  --journal SEED --to FILE   writes in JSON what the ledger of a run was asked, by gateways that are logged in as --login NAME
  --bug NAME     plants a bug, which must be found: of
                 ${bugs.map(({ name }) => name).join(', ')}
  --first        ends with the first failure  --json        a report in JSON`

if (values.help) console.log(usage)
else if (values.journal !== undefined) await writeJournal(Number(values.journal))
else if (values.trace !== undefined) await tell(Number(values.trace))
else process.exitCode = (await main()) ? 0 : 1
process.exit()

async function main(): Promise<boolean> {
  const bug = bugs.find(({ name }) => name === values.bug)
  if (values.bug !== undefined && !bug) throw new Error(`there is no bug ${values.bug}`)
  if (bug?.source) plant(bug.source)
  const { runSeeds } = await import('./run-seeds.ts')
  const [from, seeds] = [Number(values.from), Number(values.seeds)]
  if (!values.json) console.log(`seeds ${from} to ${from + seeds - 1}`)
  const progress = openProgress()
  const report = await runSeeds({
    ...{ from, seeds, maxFailures: Number(values.show), stopsAtFailure: values.first },
    ...(values.only && { only: values.only }),
    ...(bug && { bug: bug.ledger, only: [bug.breaks] }),
    onSeed: (done) => progress.show('seeds', seeds, done),
  })
  progress.stop()
  console.log(values.json ? JSON.stringify(report) : described(report))
  // For whoever sees a test fail.
  if (values.json && !bug)
    for (const failure of report.failures) console.error(failureText(failure))
  // A bug that was planted must be found.
  return Object.keys(report.breached).length > 0 === (bug !== undefined)
}

async function writeJournal(seed: number): Promise<void> {
  const { planOf } = await import('./plan.ts')
  const { simulate } = await import('./simulate.ts')
  const { journal } = await simulate(planOf(seed), { keepsJournal: true, login: values.login })
  writeFileSync(values.to ?? '/dev/stdout', JSON.stringify(journal))
}

async function tell(seed: number): Promise<void> {
  const { planOf } = await import('./plan.ts')
  const { simulate } = await import('./simulate.ts')
  const { trace, breaches } = await simulate(planOf(seed), { traced: true })
  console.log(withoutRepeats(trace).join('\n'))
  for (const { invariant, says } of breaches) console.log(`BREACHED ${invariant}: ${says}`)
}

function described({
  seeds,
  steps,
  calls,
  delivered,
  seconds,
  failures,
  breached,
}: Report): string {
  const figures =
    `${seeds} runs, ${calls} calls, ${delivered} delivered whole, ${steps} steps, ` +
    `${seconds.toFixed(1)} s (${((1_000 * seconds) / seeds).toFixed(1)} ms a run)`
  const counts = Object.entries(breached).map(
    ([name, count]) => `BREACHED in ${count} runs: ${name}`,
  )
  return [...failures.map(failureText), ...counts, figures].join('\n')
}

function failureText({ seed, breaches, plan, trace }: Failure): string {
  const { gateways, accounts, actions } = plan
  return [
    `seed ${seed}, shortened to ${actions.length} actions, ${gateways} gateways, ${accounts.length} accounts:`,
    ...actions.map((action) => `    ${JSON.stringify(action)}`),
    ...withoutRepeats(trace).map((line) => `  ${line}`),
    ...breaches.map(({ invariant, says }) => `  BREACHED ${invariant}: ${says}`),
    '',
  ].join('\n')
}

/** What is said again and again is said a few times, and then counted. */
function withoutRepeats(trace: readonly string[]): string[] {
  const said = new Map<string, number>()
  const lines: string[] = []
  for (const line of trace) {
    const text = line.replaceAll(/\d+/g, 'N')
    const times = (said.get(text) ?? 0) + 1
    said.set(text, times)
    if (times <= maxRepeats) lines.push(line)
    else if (lines.at(-1) !== '…') lines.push('…')
  }
  return lines
}
