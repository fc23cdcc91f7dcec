/**
 * How many events of a long log to apply in one transaction. A batch here is a range of events, not what is appended
 * together. As long as a transaction lives, PostgreSQL keeps every old row that is overwritten anywhere, so none may
 * live long: a batch that took long makes the next one smaller.
 */
const targetMs = 1_200
const minEvents = 10_000
const maxEvents = 1_000_000

interface AdaptiveBatch {
  /** How many events the next batch may take. */
  readonly size: number
  /** Does the work of one batch, and sizes the next one by how long this one took. */
  run(work: () => Promise<void>): Promise<void>
}

export function adaptiveBatch(): AdaptiveBatch {
  let size = 20_000
  return {
    get size() {
      return size
    },
    async run(work) {
      const startedAt = performance.now()
      await work()
      const factor = targetMs / Math.max(performance.now() - startedAt, 1)
      const next = size * Math.min(Math.max(factor, 0.25), 1.5)
      size = Math.round(Math.min(Math.max(next, minEvents), maxEvents))
    },
  }
}
