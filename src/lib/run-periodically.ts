/** A task that runs again and again: never twice at once, and stopped cleanly. */

interface PeriodicTask {
  /** Stops the task; resolves when a run that is under way has ended. */
  stop(): Promise<void>
}

/**
 * Runs `task` at once, and again `intervalMs` after each run ended. A run that resolves with true has left
 * work over, and the next one follows without the interval. What a run throws goes to `onError`; the next
 * run comes all the same.
 */
export function runPeriodically(
  intervalMs: number,
  task: () => Promise<unknown>,
  onError: (error: unknown) => void,
): PeriodicTask {
  let isStopped = false
  let wake = () => {}
  const ended = runUntilStopped()

  async function runUntilStopped(): Promise<void> {
    while (!isStopped) {
      const hasMore = await runOnce()
      if (!hasMore && !isStopped) await sleepUntilWoken()
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

  function sleepUntilWoken(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, intervalMs)
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
