/** What a run of the suite leaves behind: everything that was measured, and on what. */
import type { Sizes } from './bench.ts'
import type { Load, Machine } from './machine.ts'
import type { Sample } from './samples.ts'

export interface Results {
  /** RFC 3339. */
  readonly startedAt: string
  readonly finishedAt: string
  /** As it was typed. */
  readonly command: string
  readonly machine: Machine
  readonly rounds: number
  readonly seconds: number
  readonly sizes: Sizes
  /** Of the machine: before the first family, and after each. */
  readonly load: readonly Load[]
  readonly samples: readonly Sample[]
}
