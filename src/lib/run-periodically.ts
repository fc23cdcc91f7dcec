/** A task that runs again and again: never twice at once, and stopped cleanly. */

interface PeriodicTask {
  /** Stops the task; resolves when a run that is under way has ended. */
  stop(): Promise<void>
}

/**
 * Runs `task` at once, and again so long after each run ended: always as long, or by how long the run took. A run that resolves with true has left
 * work over, and the next one follows without the interval. What a run throws goes to `onError`; the next
 * run comes all the same.
 */
export function runPeriodically(
  intervalMs: number | ((tookMs: number) => number),
  task: () => Promise<unknown>,
  onError: (error: unknown) => void,
): PeriodicTask {
  let isStopped = false
  let wake = () => {}
  const ended = runUntilStopped()

  async function runUntilStopped(): Promise<void> {
    while (!isStopped) {
      const startedAt = performance.now()
      const hasMore = await runOnce()
      const tookMs = performance.now() - startedAt
      const restMs = typeof intervalMs === 'number' ? intervalMs : intervalMs(tookMs)
      if (!hasMore && !isStopped) await sleepUntilWoken(restMs)
    }
  }

  async function runOnce(): Promise<boolean> {
    try {
      return (await task()) === true
    } catch (error) {
      onError(error)
      return false
    }
  }

  function sleepUntilWoken(restMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, restMs)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  return {
    stop() {
      isStopped = true
      wake()
      return ended
    },
  }
}
