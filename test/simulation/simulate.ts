/** Runs a plan: gateways with their clients, a ledger, the network between, and whatever goes wrong. */

import { seeded } from '../faults/random.ts'
import type { LedgerBug } from './bugs.ts'
import { enter, leave } from './globals.ts'
import { type Breach, breachesOf } from './invariants.ts'
import type { Journal } from './journal.ts'
import { MemoryLedger } from './memory-ledger/memory-ledger.ts'
import type { Plan } from './plan.ts'
import { emptyRecords, type Records } from './records.ts'
import { epochMs, Scheduler } from './scheduler.ts'
import { Trace } from './trace.ts'
import { upstream } from './upstream.ts'
import { World } from './world.ts'

export interface Outcome {
  /** Every breach of an invariant. */
  readonly breaches: readonly Breach[]
  readonly trace: readonly string[]
  readonly steps: number
  readonly records: Records
  /** Where it was asked for. */
  readonly journal: Journal | undefined
}

interface Options {
  readonly traced?: boolean
  readonly keepsJournal?: boolean
  /** Who is logged in to the ledger. */
  readonly login?: string | undefined
  /** A bug that is planted in the ledger. */
  readonly bug?: LedgerBug | undefined
}

export async function simulate(
  plan: Plan,
  { traced = false, keepsJournal = false, login, bug }: Options = {},
): Promise<Outcome> {
  const scheduler = new Scheduler()
  const trace = traced ? new Trace() : undefined
  const records = emptyRecords()
  const keepsBackups = plan.actions.some((action) => action.do === 'put-back')
  const ledger = new MemoryLedger({ startsAtMs: epochMs, keepsBackups, keepsJournal, login, bug })
  enter({ scheduler, random: seeded(plan.seed ^ 0x5eed), fetch: upstream(scheduler) })
  try {
    const world = new World({ plan, scheduler, ledger, records, trace })
    await world.run()
  } finally {
    leave()
  }
  const breaches = breachesOf(plan, ledger, records)
  const hashes = ledger.events.map(({ event_hash }) => event_hash)
  const journal = ledger.journal && { entries: ledger.journal, hashes }
  return { breaches, trace: trace?.lines ?? [], steps: scheduler.steps, records, journal }
}
