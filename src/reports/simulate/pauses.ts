/** A long computation lets others have their turn: it shares its thread with calls. */

const stepsBetween = 2_000

/**
 * @param check called before each pause; what it throws ends the computation
 * @returns to be called and awaited with each step, every so many of which are followed by a pause
 */
export function openPauses(check: () => void): () => Promise<void> | undefined {
  let steps = 0
  return () => {
    steps++
    if (steps % stepsBetween !== 0) return undefined
    check()
    return new Promise((resolve) => setImmediate(resolve))
  }
}
