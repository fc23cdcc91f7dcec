/**
 * Walks along the log in ranges. No range's transaction should live long, for as long as it does PostgreSQL
 * keeps every old row that is overwritten anywhere; so a range that took long makes the next one shorter.
 */
const goalMs = 1_200
const shortest = 10_000
const longest = 1_000_000

export interface AdaptiveBatch {
  /** How many events the next range may take. */
  readonly size: number
  /** Does one range's work, and learns from how long it takes. */
  step(work: () => Promise<void>): Promise<void>
}

export function openAdaptiveBatch(): AdaptiveBatch {
  let size = 20_000
  return {
    get size() {
      return size
    },
    async step(work) {
      const startedAt = performance.now()
      await work()
      const factor = goalMs / Math.max(performance.now() - startedAt, 1)
      const next = size * Math.min(Math.max(factor, 0.25), 1.5)
      size = Math.round(Math.min(Math.max(next, shortest), longest))
    },
  }
}

/** How far something has come: events done, of how many. */
export type Progress = (what: string, total: number, done: number) => void
