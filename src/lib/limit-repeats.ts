/**
 * Says the same thing at most once a second: what fails for every call alike would fill the log's disk in
 * the very hour in which somebody has to read it.
 */

/**
 * @param say also gets how often the message before this one was left unsaid
 * @param nowMs on a monotonic clock
 */
export function limitRepeats<T>(
  say: (message: string, detail: T | undefined, suppressed: number) => void,
  nowMs: () => number = () => performance.now(),
): (message: string, detail?: T) => void {
  let last = ''
  let saidAtMs = Number.NEGATIVE_INFINITY
  let suppressed = 0
  return (message, detail) => {
    if (message === last && nowMs() - saidAtMs < 1_000) {
      suppressed++
      return
    }
    say(message, detail, suppressed)
    last = message
    saidAtMs = nowMs()
    suppressed = 0
  }
}
