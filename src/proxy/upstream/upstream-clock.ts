/**
 * The time that an upstream has for its whole response. It stands still while the client does not read, for then the
 * upstream cannot send; and how long it may stand still, all in all, can be limited.
 *
 * As long as nobody lets it stand still, it costs no timer of its own.
 */
import { deadline } from '../../lib/deadline.ts'

export class UpstreamClock {
  private readonly controller = new AbortController()
  private readonly timeoutMs: number
  private readonly startedAtMs = performance.now()
  private readonly shared: Set<() => void>
  private runsSinceMs: number | undefined = this.startedAtMs
  private ranMs = 0
  private maxStillMs = Number.POSITIVE_INFINITY
  private onStillTooLong: () => void = () => {}
  /** Runs when the shared deadline is over, and the clock has stood still before it. */
  private timer: ReturnType<typeof setTimeout> | undefined
  private hasOwnTimer = false

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs
    this.shared = deadline(timeoutMs)
    this.shared.add(this.check)
  }

  /** Aborts, with a TimeoutError, when the upstream has had its time. */
  get signal(): AbortSignal {
    return this.controller.signal
  }

  /** The client does not read. */
  pause(): void {
    const { runsSinceMs } = this
    if (runsSinceMs === undefined) return
    this.ranMs += performance.now() - runsSinceMs
    this.runsSinceMs = undefined
    if (this.hasOwnTimer) this.setTimer()
  }

  /** The client reads on. */
  resume(): void {
    if (this.runsSinceMs !== undefined) return
    this.runsSinceMs = performance.now()
    if (this.hasOwnTimer) this.setTimer()
  }

  /** How long it has stood still, all in all. */
  get stillMs(): number {
    return performance.now() - this.startedAtMs - (this.timeoutMs - this.leftMs)
  }

  /** Calls the listener once when the clock has stood still for so long: after the upstream's time at the earliest. */
  limitPauses(maxStillMs: number, listener: () => void): void {
    this.maxStillMs = maxStillMs
    this.onStillTooLong = listener
  }

  /** The response is over. */
  stop(): void {
    this.shared.delete(this.check)
    clearTimeout(this.timer)
    this.hasOwnTimer = false
  }

  private readonly check = (): void => {
    const { leftMs, stillLeftMs } = this
    if (leftMs > 0 && stillLeftMs > 0) {
      this.hasOwnTimer = true
      this.setTimer()
      return
    }
    this.stop()
    if (leftMs > 0) this.onStillTooLong()
    else this.controller.abort(new DOMException('the upstream took too long', 'TimeoutError'))
  }

  private setTimer(): void {
    clearTimeout(this.timer)
    const waitMs = this.runsSinceMs === undefined ? this.stillLeftMs : this.leftMs
    // A delay of more than 24 days would be none.
    this.timer = setTimeout(this.check, Math.min(Math.max(waitMs, 1), 86_400_000))
  }

  private get leftMs(): number {
    const { ranMs, runsSinceMs } = this
    const runsForMs = runsSinceMs === undefined ? 0 : performance.now() - runsSinceMs
    return this.timeoutMs - ranMs - runsForMs
  }

  private get stillLeftMs(): number {
    return this.maxStillMs - this.stillMs
  }
}
