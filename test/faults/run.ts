/** Runs of one fault: calls, the fault in the middle of them, calls again, and what the auditor finds. */

import { type Fault, type Figures, worst } from './fault.ts'
import { startLoad, untilAllSell } from './load.ts'
import { seeded } from './random.ts'
import type { Finding, Invariant } from './records.ts'
import type { World } from './world.ts'

/** Runs between two audits. An audit waits for holds to expire, so it costs seconds. */
const runsAnAudit = 10
/** Of each invariant; more say nothing new. */
const maxFindings = 5

export interface RunOptions {
  readonly runs: number
  /** Of the first run; each that follows has the next one. */
  readonly seed: number
  /** When what was away is there again, every gateway must sell within this, unaided. */
  readonly sellsWithinMs?: number
  /** Ends when this invariant has found something: `runs` are then the most, in rounds of this many. */
  readonly until?: { readonly finds: Invariant; readonly round: number }
  readonly onRun?: (done: number) => void
}

export interface Ran {
  readonly fault: string
  readonly runs: number
  readonly seed: number
  readonly calls: number
  /** Whole 2xx responses to calls that cost something. */
  readonly sold: number
  /** Calls by the status of their response, or `none`. */
  readonly responses: Readonly<Record<string, number>>
  readonly executions: number
  readonly events: number
  /** Calls that ran on leases and were charged. */
  readonly onLease: number
  /** How much was found, by invariant, and the first of it with the seeds of the runs it was found after. */
  readonly found: Readonly<Partial<Record<Invariant, number>>>
  readonly findings: readonly (Finding & { readonly seeds: string })[]
  readonly figures: Figures
  readonly seconds: number
}

export async function runFault(world: World, fault: Fault, options: RunOptions): Promise<Ran> {
  const { runs: most, seed, until } = options
  const begunAtMs = performance.now()
  const before = { calls: world.calls.length, executions: world.upstream.executions.length }
  const { events: eventsBefore, onLease: onLeaseBefore } = world.auditor
  const findings: Ran['findings'][number][] = []
  const figures: Figures[] = []
  let runs = 0
  while (runs < most && !findings.some(({ invariant }) => invariant === until?.finds)) {
    await world.cast.refresh()
    const first = seed + runs
    const found: Finding[] = []
    for (let i = 0; i < (until?.round ?? runsAnAudit) && runs < most; i++) {
      const run = await runOnce(world, fault, seed + runs, options.sellsWithinMs ?? 20_000)
      found.push(...run.findings)
      figures.push(run.figures)
      runs++
      options.onRun?.(runs)
    }
    found.push(...(await world.auditor.audit(world)))
    const { overdueMs } = world.auditor
    if (overdueMs > 0)
      figures.push({ 'until an open hold is freed, after its deadline': overdueMs })
    const seeds = `${first} to ${seed + runs - 1}`
    findings.push(...found.map((one) => ({ ...one, seeds })))
  }
  const calls = world.calls.slice(before.calls)
  const byInvariant = Map.groupBy(findings, ({ invariant }) => invariant)
  return {
    ...{ fault: fault.name, runs, seed, calls: calls.length },
    sold: calls.filter(({ worth }) => worth !== undefined).length,
    responses: Object.fromEntries(
      [...Map.groupBy(calls, ({ status }) => status ?? 'none')].map(([name, all]) => [
        name,
        all.length,
      ]),
    ),
    executions: world.upstream.executions.length - before.executions,
    events: world.auditor.events - eventsBefore,
    onLease: world.auditor.onLease - onLeaseBefore,
    found: Object.fromEntries([...byInvariant].map(([name, all]) => [name, all.length])),
    findings: [...byInvariant.values()].flatMap((all) => all.slice(0, maxFindings)),
    figures: worst(figures),
    seconds: (performance.now() - begunAtMs) / 1_000,
  }
}

async function runOnce(world: World, fault: Fault, seed: number, sellsWithinMs: number) {
  const random = seeded(seed)
  const findings: Finding[] = []
  let figures: Figures = {}
  if (fault.takesThird) await world.fleet.ready()
  const load = startLoad(world, random, fault.load)
  try {
    await load.calls(random.int(1, 40))
    figures = (await fault.strike(world, load, random)) ?? {}
  } catch (error) {
    findings.push({ invariant: 'I8', what: String(error) })
  }
  await untilAllSell(world, random, sellsWithinMs).catch((error) =>
    findings.push({ invariant: 'I8', what: String(error) }),
  )
  await load.stop()
  return { findings, figures }
}
