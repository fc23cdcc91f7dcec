/** A fault: what goes wrong with the cluster while calls are under way, and what is promised then. */
import type { Load } from './load.ts'
import type { Scene } from './scene.ts'
import type { SetUp } from './set-ups.ts'

export interface Fault {
  readonly name: string
  /** What happens, in a sentence for the table. */
  readonly says: string
  readonly runs: number
  /** Of the set-ups, those under which it is struck; absent: all. */
  readonly under?: readonly SetUp['name'][]
  /** Each gateway goes without a sale for so long at most: from the fault on, or from the end of the outage that it makes. */
  readonly sellsWithinSeconds?: number
  /** The same, from when another server holds the lock of the leader. */
  readonly sellsAfterChoiceWithinSeconds?: number
  /** Every call gets its response. */
  readonly servesEveryCall?: true
  /** Acknowledged charges can be lost. Then the gateways stop, and each run has a cluster of its own. */
  readonly canLoseCharges?: true
  /** Changes Patroni's file, to plant a bug. */
  readonly plant?: (patroni: string) => string
  /** Resolves when what it took away is there again, or when the gateways have stopped. */
  strike(scene: Scene, load: Load): Promise<Struck>
}

export interface Struck {
  /** When another server held the lock of the leader. */
  readonly chosenAtMs?: number
  /** Nothing may be sold meanwhile. */
  readonly outage?: { readonly fromMs: number; readonly untilMs: number }
  /** When both gateways said that the log is not the one that they have seen. */
  readonly divergedAtMs?: number
}
