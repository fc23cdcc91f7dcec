/**
 * Says the same thing at most once a second: what fails for every call alike would fill the log's disk in
 * the very hour in which somebody has to read it.
 */

/**
 * @param say also gets how often the message before this one was left unsaid
 * @param nowMs on a monotonic clock
 */
export function seldom<T>(
  say: (message: string, detail: T | undefined, unsaid: number) => void,
  nowMs: () => number = () => performance.now(),
): (message: string, detail?: T) => void {
  let last = ''
  let saidAtMs = Number.NEGATIVE_INFINITY
  let unsaid = 0
  return (message, detail) => {
    if (message === last && nowMs() - saidAtMs < 1_000) {
      unsaid++
      return
    }
    say(message, detail, unsaid)
    last = message
    saidAtMs = nowMs()
    unsaid = 0
  }
}
