/**
 * The answer to a question that costs something: asked once at a time, remembered for a while, and never
 * waited for beyond a deadline. Whoever scrapes ever so often, and however many they are, the ledger is
 * asked no more often than this allows.
 */

export interface CachedWithFallbackOptions {
  /** An answer younger than this is not asked for again. */
  readonly freshMs: number
  /** An answer older than this is none, when no newer one can be had. */
  readonly maxStaleMs: number
  /** How long a client waits for a newer answer. */
  readonly deadlineMs: number
  readonly onError: (error: unknown) => void
}

/** Answers undefined when there is no usable answer; never throws. */
export function cachedWithFallback<T>(
  ask: () => Promise<T>,
  { freshMs, maxStaleMs, deadlineMs, onError }: CachedWithFallbackOptions,
): () => Promise<T | undefined> {
  let last: { readonly answer: T; readonly atMs: number } | undefined
  let asking: Promise<void> | undefined

  async function askOnce(): Promise<void> {
    try {
      const answer = await ask()
      last = { answer, atMs: performance.now() }
    } catch (error) {
      onError(error)
    } finally {
      asking = undefined
    }
  }

  function youngerThan(ms: number): boolean {
    return last !== undefined && performance.now() - last.atMs <= ms
  }

  return async () => {
    if (!youngerThan(freshMs)) {
      asking ??= askOnce()
      // An answer that is late is still waited for, but not by this client.
      await atMost(deadlineMs, asking)
    }
    return youngerThan(maxStaleMs) ? last?.answer : undefined
  }
}

/** Resolves with the promise, or after this long. */
async function atMost(withinMs: number, promise: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, withinMs)
  await Promise.race([promise, late])
  clearTimeout(timer)
}
