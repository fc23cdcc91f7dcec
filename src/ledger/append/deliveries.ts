/**
 * What became of the responses of a gateway's charges.
 *
 * A response leaves only within five seconds of sending its charge to the ledger; later it is withheld. So when the ledger
 * has not heard of a gateway for a minute, nothing that the gateway charged before can leave any more.
 *
 * A report says up to which position all responses have left, and which were withheld. It counts a response only a second
 * after it left: a gateway that dies sooner may have it still in a buffer.
 */
import type { ChargeOnLease, Settle } from './call-commands.ts'

/** How long after sending a charge its response may leave. */
export const leavesWithinMs = 5_000
/** How long after a response left it counts as delivered. */
const countsAfterMs = 1_000

export interface DeliveryReport {
  /** The responses of all charges up to this position have left, except those withheld. */
  readonly delivered: number
  /** The positions of charges whose responses were withheld, since the last report that was recorded. */
  readonly withheld: readonly number[]
}

/** A charge that the ledger wrote. */
export interface WrittenCharge {
  readonly command: Settle | ChargeOnLease
  readonly position: number
  /** On the monotonic clock: when the charge was first sent. */
  readonly sentAtMs: number
  /** Somebody still waits for it, with the response. */
  readonly isAwaited: boolean
}

export class Deliveries {
  private readonly now: () => number
  /** Responses that have neither left nor been withheld, by their charges' positions: when the charge was sent. */
  private readonly open = new Map<number, number>()
  private withheld: number[] = []
  private latest = 0
  private delivered = 0
  /** Becomes `delivered` a second after it was looked up. */
  private next = { position: 0, lookedUpAtMs: Number.NEGATIVE_INFINITY }
  private isEnded = false

  /** @param now the monotonic clock, in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.now = now
  }

  /** A charge is written. Charges come in the order of their positions. */
  onCharged({ command, position, sentAtMs, isAwaited }: WrittenCharge): void {
    this.latest = position
    if (command.kind === 'settle' && command.alreadyDelivered) return
    if (isAwaited && !this.isEnded) this.open.set(position, sentAtMs)
    else this.withheld.push(position)
  }

  /**
   * Asked at the last moment before the response of a charge, or the last piece of it, is handed to the server. false: it
   * is too late, and the response must not leave.
   */
  leave(position: number): boolean {
    this.withholdOverdue()
    return this.open.delete(position)
  }

  /** The response of a charge will not leave. */
  withhold(position: number): void {
    if (this.open.delete(position)) this.withheld.push(position)
  }

  /** What is to be recorded now. */
  report(): DeliveryReport {
    this.withholdOverdue()
    const nowMs = this.now()
    if (this.isEnded || nowMs - this.next.lookedUpAtMs >= countsAfterMs) {
      this.delivered = this.isEnded ? this.latest : this.next.position
      const [firstOpen] = this.open.keys()
      const position = firstOpen === undefined ? this.latest : firstOpen - 1
      this.next = { position, lookedUpAtMs: nowMs }
    }
    return { delivered: this.delivered, withheld: [...this.withheld] }
  }

  /** The report is in the ledger. */
  onRecorded(report: DeliveryReport): void {
    if (report.withheld.length === 0) return
    const recorded = new Set(report.withheld)
    this.withheld = this.withheld.filter((position) => !recorded.has(position))
  }

  /**
   * Another producer begins. What was charged before is not reported any more, and what has not left yet does not: the log may
   * not have it any more, or have something else there.
   */
  restart(): void {
    this.open.clear()
    this.withheld = []
    this.latest = 0
    this.delivered = 0
    this.next = { position: 0, lookedUpAtMs: this.now() }
  }

  /** No response leaves from now on: the next report says all. */
  end(): void {
    this.isEnded = true
    for (const position of [...this.open.keys()]) this.withhold(position)
  }

  private withholdOverdue(): void {
    const nowMs = this.now()
    for (const [position, sentAtMs] of this.open) {
      if (nowMs - sentAtMs < leavesWithinMs) return
      this.withhold(position)
    }
  }
}
