/** Work that is done again and again while a gateway runs: never twice at once, and stopped cleanly. */

export interface PeriodicTask {
  /** Stops; resolves when a run that is under way has ended. */
  stop(): Promise<void>
}

/**
 * Runs `work`, then again `intervalMs` after it ended; at once when it answers true (there is more).
 * What it throws goes to `onError`, and the next run comes all the same.
 */
export function runPeriodically(
  intervalMs: number,
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
): PeriodicTask {
  let stopped = false
  let wake = () => {}
  const ended = (async () => {
    while (!stopped) {
      let more = false
      try {
        more = (await work()) === true
      } catch (error) {
        onError(error)
      }
      if (more || stopped) continue
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, intervalMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  })()
  return {
    stop() {
      stopped = true
      wake()
      return ended
    },
  }
}
