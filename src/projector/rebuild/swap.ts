/** Swaps shadow tables in for the tables in service. */
import postgres from 'postgres'
import type { ShadowProjection } from './shadow-projection.ts'

const maxAttempts = 100
const lockNotAvailable = '55P03'
const deadlock = '40P01'

/**
 * Swaps shadow projections in by one transaction, which `run` makes of their texts. Returns for how long whatever
 * writes the tables in service stood still, in milliseconds.
 */
export async function swap(
  shadows: readonly ShadowProjection[],
  run: (texts: readonly string[]) => Promise<unknown>,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const texts: string[] = []
    for (const shadow of shadows) texts.push(await shadow.swapText())
    const startedAt = performance.now()
    try {
      await run(texts)
      return performance.now() - startedAt
    } catch (error) {
      if (!isBusy(error) || attempt === maxAttempts) throw error
    }
    await Bun.sleep(20 * Math.min(attempt, 25))
    for (const shadow of shadows) await shadow.catchUp()
  }
}

/** Somebody held on to the tables, or to the shard, for longer than the swap may wait. */
function isBusy(error: unknown): boolean {
  return (
    error instanceof postgres.PostgresError &&
    (error.code === lockNotAvailable || error.code === deadlock)
  )
}
