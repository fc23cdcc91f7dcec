/** What a gateway appends to the ledger: batches, commands by verdict, and the credits that were charged. */
import { Histogram, type Registry } from 'prom-client'
import type { Mode } from '../../../events/event.ts'
import { eventTypeOfKind } from '../../ledger/append/batch.ts'
import type { CallCommand, Verdict } from '../../ledger/append/call-commands.ts'
import { fineSeconds } from './buckets.ts'
import { openTally } from './tally.ts'

export interface AppendMetrics {
  /** Counts a batch of `commands` that the ledger decided. */
  batch(commands: number, roundTripMs: number): void
  /** Counts a command that the ledger decided. */
  command(command: CallCommand, verdict: Verdict): void
}

const modes: readonly Mode[] = ['live', 'test']

/** @param routes ids of the configured routes */
export function appendMetrics(registry: Registry, routes: readonly string[]): AppendMetrics {
  const registers = [registry]
  const credits = openTally(registry, {
    name: 'tollbook_credits_settled_total',
    help: 'Credits charged through this gateway',
    labelNames: ['mode', 'route'],
  })
  const commands = openTally(registry, {
    name: 'tollbook_append_commands_total',
    help: 'Commands that this gateway sent to the ledger, by their verdicts',
    labelNames: ['kind', 'verdict'],
  })
  const batchCommands = new Histogram({
    name: 'tollbook_append_batch_commands',
    help: 'Commands in a batch',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
    registers,
  })
  const batchSeconds = new Histogram({
    name: 'tollbook_append_seconds',
    help: 'Round trip of a batch, commit included',
    buckets: fineSeconds,
    registers,
  })
  // Alerts look for an increase, and a series that begins with its first event shows none for it.
  for (const route of routes) for (const mode of modes) credits.add(mode, route, 0)
  for (const kind of Object.keys(eventTypeOfKind)) commands.add(kind, 'ok', 0)

  return {
    batch(size, roundTripMs) {
      batchCommands.observe(size)
      batchSeconds.observe(roundTripMs / 1_000)
    },
    command(command, verdict) {
      commands.add(command.kind, verdict)
      if ((command.kind === 'settle' || command.kind === 'charge_on_lease') && verdict === 'ok') {
        credits.add(command.mode, command.endpoint, command.credits)
      }
    },
  }
}
