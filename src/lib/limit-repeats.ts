/**
 * Passes the same message on at most once a second. What fails for every call alike would otherwise fill
 * the log's disk in the very hour in which somebody has to read the log.
 */

const intervalMs = 1_000

/**
 * @param write also gets how often the message before this one was suppressed
 * @param nowMs a monotonic clock
 */
export function limitRepeats<T>(
  write: (message: string, detail: T | undefined, suppressed: number) => void,
  nowMs: () => number = () => performance.now(),
): (message: string, detail?: T) => void {
  let lastMessage = ''
  let writtenAtMs = Number.NEGATIVE_INFINITY
  let suppressed = 0
  return (message, detail) => {
    if (message === lastMessage && nowMs() - writtenAtMs < intervalMs) {
      suppressed++
      return
    }
    write(message, detail, suppressed)
    lastMessage = message
    writtenAtMs = nowMs()
    suppressed = 0
  }
}
