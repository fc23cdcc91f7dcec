import type { Micros } from '../log-reader/micros.ts'

/** A position and a time at which the log ended there. */
export interface Moment {
  readonly shard: number
  /** The last event that counts. */
  readonly position: number
  readonly now: Micros
}
