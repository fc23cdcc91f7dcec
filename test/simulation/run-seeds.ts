/** Runs one seed after the other, and shortens what fails. */
import type { LedgerBug } from './bugs.ts'
import { realNowMs, turn } from './globals.ts'
import type { Breach } from './invariants.ts'
import { type Plan, planOf } from './plan.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'

/** A seed that breaches an invariant, with a plan and a trace as short as they could be made. */
export interface Failure {
  readonly seed: number
  readonly breaches: readonly Breach[]
  readonly plan: Plan
  readonly trace: readonly string[]
}

export interface Report {
  readonly seeds: number
  readonly steps: number
  readonly calls: number
  readonly delivered: number
  readonly seconds: number
  readonly failures: readonly Failure[]
  /** How many seeds breach an invariant, by its name. */
  readonly breached: Readonly<Record<string, number>>
}

export interface SeedOptions {
  readonly from: number
  readonly seeds: number
  /** Only these invariants count; all by default. */
  readonly only?: readonly string[]
  /** So many failures are shortened; the others are counted. */
  readonly maxFailures: number
  /** Ends with the first seed that fails. */
  readonly stopsAtFailure?: boolean
  /** A bug that is planted in the ledger. */
  readonly bug?: LedgerBug | undefined
  readonly onSeed: (done: number) => void
}

export async function runSeeds(options: SeedOptions): Promise<Report> {
  const { from, seeds, maxFailures, onSeed, bug } = options
  const begunMs = realNowMs()
  const failures: Failure[] = []
  const breached: Record<string, number> = {}
  let [done, steps, calls, delivered] = [0, 0, 0, 0]
  while (done < seeds) {
    const plan = planOf(from + done)
    const outcome = await simulate(plan, { bug })
    // Whatever nobody has caught is reported to the process in a turn of the real event loop.
    await turn()
    onSeed(++done)
    steps += outcome.steps
    calls += outcome.records.calls.length
    delivered += outcome.records.calls.filter((call) => call.deliveredMs !== undefined).length
    const breaches = outcome.breaches.filter(counts(options))
    if (breaches.length === 0) continue
    const names = new Set(breaches.map(({ invariant }) => invariant))
    for (const name of names) breached[name] = (breached[name] ?? 0) + 1
    if (failures.length < maxFailures) failures.push(await shortened(plan, breaches, bug))
    if (options.stopsAtFailure) break
  }
  const seconds = (realNowMs() - begunMs) / 1_000
  return { seeds: done, steps, calls, delivered, seconds, failures, breached }
}

function counts({ only }: SeedOptions): (breach: Breach) => boolean {
  return ({ invariant }) => only === undefined || only.includes(invariant)
}

/** Shortened by the first of its breaches. */
async function shortened(
  plan: Plan,
  breaches: readonly Breach[],
  bug: LedgerBug | undefined,
): Promise<Failure> {
  const { invariant } = breaches[0] as Breach
  const isBreached = async (shorter: Plan) => {
    const outcome = await simulate(shorter, { bug })
    return outcome.breaches.some((breach) => breach.invariant === invariant)
  }
  const shorter = await shrink(plan, isBreached)
  const { breaches: found, trace } = await simulate(shorter, { traced: true, bug })
  return { seed: plan.seed, breaches: found, plan: shorter, trace }
}
