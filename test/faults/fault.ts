/** A fault: what goes wrong, once, at a random instant, while calls are under way. */
import type { Load, LoadOptions } from './load.ts'
import type { Random } from './random.ts'
import type { World } from './world.ts'

export interface Fault {
  /** `group/name`, or a name alone. */
  readonly name: string
  /** What happens, in a sentence for the table. */
  readonly says: string
  /** Of a full table. */
  readonly runs: 200 | 20
  readonly load?: LoadOptions
  /** It takes a third gateway, to replace one or to race with. */
  readonly takesThird?: true
  /** Where a PostgreSQL of the fault's own lies; absent: it strikes the one of all. */
  readonly disk?: Disk
  /**
   * Strikes once; resolves when what it took away is there again, with what it measured. What it throws is
   * a finding.
   */
  strike(world: World, load: Load, random: Random): Promise<Figures> | Promise<void>
}

/** A fault's own expectation failed. */
export class Unexpected extends Error {
  override readonly name = 'Unexpected'
}

export function expectThat(holds: boolean, what: string): void {
  if (!holds) throw new Unexpected(what)
}

/** What was measured, in milliseconds unless the name says otherwise; of several runs, the worst. */
export type Figures = Readonly<Record<string, number>>

/** A file system for a PostgreSQL of a fault's own. */
export interface Disk {
  /** Why there can be none here; undefined when there can. */
  impossible(): string | undefined
  /** Mounts it; returns its folder. */
  mount(): string
  unmount(): void
}

/** The worst of several figures each. */
export function worst(all: readonly Figures[]): Figures {
  const result: Record<string, number> = {}
  for (const figures of all) {
    for (const [name, value] of Object.entries(figures)) {
      result[name] = Math.max(result[name] ?? 0, value)
    }
  }
  return result
}
