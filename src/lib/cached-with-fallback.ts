/**
 * A value that is expensive to read. One read at a time serves everyone who asks meanwhile, its value is
 * kept for a while, and nobody waits for it beyond a deadline: however many ask, and however often, the
 * source is read no more often than the options allow.
 */
import { waitAtMost } from './wait-at-most.ts'

interface CachedWithFallbackOptions {
  /** A value younger than this is returned without a new read. */
  readonly maxAgeMs: number
  /** When a read fails or is late, the last value is returned up to this age. */
  readonly maxStaleMs: number
  /** How long one who asks waits for a read. */
  readonly timeoutMs: number
  readonly onError: (error: unknown) => void
}

/** The function that it returns never throws; it resolves with undefined when there is no usable value. */
export function cachedWithFallback<T>(
  read: () => Promise<T>,
  { maxAgeMs, maxStaleMs, timeoutMs, onError }: CachedWithFallbackOptions,
): () => Promise<T | undefined> {
  let last: { readonly value: T; readonly readAtMs: number } | undefined
  let reading: Promise<void> | undefined

  async function readOnce(): Promise<void> {
    try {
      const value = await read()
      last = { value, readAtMs: performance.now() }
    } catch (error) {
      onError(error)
    } finally {
      reading = undefined
    }
  }

  function isYoungerThan(ms: number): boolean {
    return last !== undefined && performance.now() - last.readAtMs <= ms
  }

  return async () => {
    if (!isYoungerThan(maxAgeMs)) {
      reading ??= readOnce()
      // A read that is late goes on, and its value serves whoever asks next.
      await waitAtMost(timeoutMs, reading)
    }
    return isYoungerThan(maxStaleMs) ? last?.value : undefined
  }
}
