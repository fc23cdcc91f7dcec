/**
 * Notices that a server which answers in order has stopped answering, with one timer for all calls in
 * flight (a timer per call costs more than the call).
 *
 * It counts looks, not milliseconds: a call is overdue when it was already under way two looks ago.
 * Between two looks the event loop reads every answer that has arrived, so a process that was itself
 * busy for a second does not take that for a dead server. With 25 ms between looks, a call waits
 * between 50 and 75 ms before it is given up.
 */
export interface StallWatch {
  sent(): void
  answered(): void
  /** Stops looking. */
  stop(): void
}

const LOOK_EVERY_MS = 25

/** Calls `onStall` once for every stall, at most once per look. */
export function watchForStall(onStall: () => void): StallWatch {
  let sent = 0
  let answered = 0
  let sentAtLastLook = 0
  let sentAtLookBefore = 0
  let timer: ReturnType<typeof setInterval> | undefined

  function look(): void {
    if (answered < sentAtLookBefore) onStall()
    if (answered === sent) stop()
    sentAtLookBefore = sentAtLastLook
    sentAtLastLook = sent
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  return {
    sent() {
      sent++
      timer ??= setInterval(look, LOOK_EVERY_MS)
    },
    answered() {
      answered++
    },
    stop,
  }
}
