/** What a gateway appends to the ledger: batches, items by verdict, and the credits that were charged. */
import { Histogram, type Registry } from 'prom-client'
import type { Mode } from '../../../events/event.ts'
import type { CallCommand, Verdict } from '../../ledger/append/call-commands.ts'
import { fineSeconds } from './buckets.ts'
import { openTally } from './tally.ts'

export interface AppendMetrics {
  /** The ledger answered a batch of so many items. */
  batch(items: number, roundTripMs: number): void
  /** The ledger answered an item. */
  item(item: CallCommand, verdict: Verdict): void
}

const modes: readonly Mode[] = ['live', 'test']
const kinds: readonly CallCommand['kind'][] = [
  'hold',
  'lease',
  'extend',
  'charge_on_lease',
  'void_on_lease',
  'settle',
  'release',
  'expire',
  'count',
]

/** @param routes ids of the configured routes */
export function appendMetrics(registry: Registry, routes: readonly string[]): AppendMetrics {
  const registers = [registry]
  const credits = openTally(registry, {
    name: 'tollbook_credits_settled_total',
    help: 'Credits charged through this gateway',
    labelNames: ['mode', 'route'],
  })
  const items = openTally(registry, {
    name: 'tollbook_append_items_total',
    help: 'What this gateway asked of the ledger, and the verdicts',
    labelNames: ['kind', 'verdict'],
  })
  const batchCommands = new Histogram({
    name: 'tollbook_append_batch_items',
    help: 'Items in a batch',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
    registers,
  })
  const batchSeconds = new Histogram({
    name: 'tollbook_append_seconds',
    help: 'Round trip of a batch, commit included',
    buckets: fineSeconds,
    registers,
  })
  // As for refusals: what is to be missed must have been there.
  for (const route of routes) for (const mode of modes) credits.add(mode, route, 0)
  for (const kind of kinds) items.add(kind, 'ok', 0)

  return {
    batch(size, roundTripMs) {
      batchCommands.observe(size)
      batchSeconds.observe(roundTripMs / 1_000)
    },
    item(item, verdict) {
      items.add(item.kind, verdict)
      if ((item.kind === 'settle' || item.kind === 'charge_on_lease') && verdict === 'ok') {
        credits.add(item.mode, item.endpoint, item.credits)
      }
    },
  }
}
