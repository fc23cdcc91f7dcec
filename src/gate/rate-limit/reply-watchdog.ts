/**
 * Notices that a server which replies in order has stopped replying. One timer serves all commands in
 * flight: a timer per command costs more than the command.
 *
 * It counts its own looks, not milliseconds: a command is overdue when it was already under way two looks
 * ago. Between two looks the event loop reads every reply that has arrived, so a process that was busy for a
 * second does not mistake that for a dead server. With 25 ms between looks, a command is given up after 50 to
 * 75 ms.
 */
interface ReplyWatchdog {
  sent(): void
  replied(): void
  /** Stops looking. */
  stop(): void
}

const lookIntervalMs = 25

/** Calls `onStall` at every look that finds an overdue command. */
export function watchReplies(onStall: () => void): ReplyWatchdog {
  let sent = 0
  let replied = 0
  let sentAtLastLook = 0
  let sentAtLookBefore = 0
  let timer: ReturnType<typeof setInterval> | undefined

  function look(): void {
    if (replied < sentAtLookBefore) onStall()
    if (replied === sent) stop()
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
      timer ??= setInterval(look, lookIntervalMs)
    },
    replied() {
      replied++
    },
    stop,
  }
}
