/** Counts calls under way, so that a gateway can end without cutting any of them off. */
import { waitAtMost } from '../lib/wait-at-most.ts'

interface InFlightCounter {
  readonly count: number
  /** Counts one more. The function it returns counts that one down, and may be called again. */
  begin(): () => void
  /** Resolves when nothing is under way, or after this long. */
  idle(withinMs: number): Promise<void>
}

export function openInFlightCounter(): InFlightCounter {
  let count = 0
  const waiting: (() => void)[] = []
  return {
    get count() {
      return count
    },
    begin() {
      count++
      let isOver = false
      return () => {
        if (isOver) return
        isOver = true
        count--
        if (count === 0) for (const resolve of waiting.splice(0)) resolve()
      }
    },
    async idle(withinMs) {
      if (count === 0) return
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      await waitAtMost(withinMs, promise)
    },
  }
}
