/**
 * Relays a response that is metered along the way. Nothing that is sold is sent before the reservation covers it. What
 * can be the last part waits until the charge is written. When the reservation cannot grow any more, the upstream is
 * cancelled, and the response ends with a final event in place of the rest.
 */
import type { Counted } from '../../../events/counted.ts'
import type { Reservation } from '../../gate/reservation/reservation.ts'
import type { ReleaseReason, TerminatedBy } from '../../ledger/append/call-commands.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Meter } from '../metering/meter.ts'
import type { Parts } from '../metering/parts.ts'
import type { UpstreamClock } from '../upstream/upstream-clock.ts'
import { readOnDemand } from './withhold-tail.ts'

/** What a metered response needs to end. It ends in one way, once. */
interface MeteredEnds {
  /** All that the call counts once so much of what is metered was sent. */
  countedAt(used: number, kinds?: Counted['parts']): Counted
  /** The same when the response has ended by itself. */
  countedInAll(used: number, kinds?: Counted['parts']): Counted
  /**
   * Resolves when the charge is written, which can be long after. Throws when it never will be. A usage that was stated can exceed
   * the hold; what that cannot grow to is a shortfall.
   * @param onDelay called when it is not written in time for the client to wait
   */
  charge(used: Counted, terminatedBy: TerminatedBy | undefined, onDelay: () => void): Promise<void>
  /** Ends the call uncharged: nothing that is sold was sent, or the gateway ended the response. */
  void(reason: ReleaseReason): Promise<unknown>
  /** What the client reads in place of the rest; undefined where the body can only be broken. */
  finalEvent(refusal: Refusal, isCharged: boolean): Uint8Array | undefined
  /** Why the upstream's response broke off, as the client reads it. */
  refusalOf(error: unknown): Refusal
  /**
   * Whether what was sent is charged where it was the upstream that ended: the event that its price waits for has come.
   * @param hasEnded by itself; else it broke off
   */
  isDue(hasEnded: boolean): boolean
  /** Whether it is the client's doing that the response broke off: he pays as one who left. */
  isBrokenByClient(): boolean
  /** Whether the gateway is ending what still is under way. */
  isCutOff(): boolean
  /** How long the client may take, beyond the upstream's own time. */
  readonly maxDeliverySeconds: number
  /** Called when it is over. */
  onOver(): void
  readonly log: (message: string, error?: unknown) => void
}

/** What of a reservation a metered response asks of it. */
export type Growing = Pick<Reservation, 'ensure' | 'beforeSending' | 'onLost'>

interface CountedPart {
  readonly part: Uint8Array
  /** What is used once it is sent. */
  readonly used: number
  readonly isSold: boolean
}

type Controller = ReadableStreamDefaultController<Uint8Array>

export function meteredStream(
  parts: Parts,
  meter: Meter,
  reservation: Growing,
  clock: UpstreamClock,
  ends: MeteredEnds,
): ReadableStream<Uint8Array> {
  const relay = new MeteredRelay(parts, meter, reservation, clock, ends)
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => relay.start(controller),
      pull: (controller) => relay.pull(controller),
      cancel: () => relay.cancel(),
    },
    readOnDemand,
  )
}

class MeteredRelay {
  private readonly parts: Parts
  private readonly meter: Meter
  private readonly reservation: Growing
  private readonly clock: UpstreamClock
  private readonly ends: MeteredEnds
  /** Parts that wait, with what is used once they are sent. */
  private withheld: CountedPart[] = []
  /** What is used by what was sent, and whether any of it is sold. */
  private used: number
  private hasSentSold = false
  /** How the response ends is decided. */
  private isDecided = false
  /** Nothing can be sent any more. */
  private isClosed = false

  constructor(
    parts: Parts,
    meter: Meter,
    reservation: Growing,
    clock: UpstreamClock,
    ends: MeteredEnds,
  ) {
    this.parts = parts
    this.meter = meter
    this.reservation = reservation
    this.clock = clock
    this.ends = ends
    this.used = meter.used
  }

  start(controller: Controller): void {
    this.reservation.onLost((refusal) => {
      void this.finish(controller, () => this.cut(controller, refusal))
    })
    this.clock.limitPauses(this.ends.maxDeliverySeconds * 1_000, () => {
      void this.finish(controller, () => this.endUnread(controller))
    })
  }

  async pull(controller: Controller): Promise<void> {
    this.clock.resume()
    try {
      await this.relayNext(controller)
    } catch (error) {
      await this.finish(controller, () => this.breakOff(controller, error))
    } finally {
      this.clock.pause()
    }
  }

  /** The client left. */
  async cancel(): Promise<void> {
    this.isClosed = true
    if (this.isDecided) return
    this.isDecided = true
    const cancelled = this.cancelUpstream()
    try {
      if (this.ends.isCutOff()) await this.ends.void('gateway_stopped')
      else await this.chargeLeft(() => {})
    } catch (error) {
      this.ends.log('left by its client, and not charged', error)
    }
    await cancelled
    this.ends.onOver()
  }

  private async relayNext(controller: Controller): Promise<void> {
    const { parts, meter, reservation } = this
    // A pull that sends nothing would not be repeated.
    for (let hasSent = false; !hasSent; ) {
      const part = await parts.next()
      if (this.isDecided) return
      if (part === undefined) return this.finish(controller, () => this.end(controller))
      const { isSold, isWithheld } = meter.count(part)
      const counted = { part, used: meter.used, isSold }
      const sent = isWithheld ? this.withheld : [...this.withheld, counted]
      const refusal =
        (isSold ? await reservation.ensure(this.countedAt(meter.used)) : undefined) ??
        (await this.beforeSending(sent))
      if (this.isDecided) return
      if (refusal) return this.finish(controller, () => this.cut(controller, refusal))
      if (!isSold) this.used = meter.used
      hasSent = sent.length > 0
      this.sendWithheld(controller)
      this.withheld.push(counted)
      if (!isWithheld) this.sendWithheld(controller)
    }
  }

  private countedAt(used: number): Counted {
    return this.ends.countedAt(used, this.meter.kindsAt?.(used))
  }

  /** Where nothing that is sold is sent, nothing is charged if the gateway dies. */
  private async beforeSending(parts: readonly CountedPart[]): Promise<Refusal | undefined> {
    const last = parts.at(-1)
    const sendsSold = this.hasSentSold || parts.some(({ isSold }) => isSold)
    return last && sendsSold ? this.reservation.beforeSending(this.countedAt(last.used)) : undefined
  }

  private sendWithheld(controller: Controller): void {
    for (const { part, used, isSold } of this.withheld) {
      controller.enqueue(part)
      this.used = used
      this.hasSentSold ||= isSold
    }
    this.withheld = []
  }

  /** Ends the response in one way, once. Whatever fails in it, the client sees a broken body. */
  private async finish(controller: Controller, ending: () => Promise<void>): Promise<void> {
    if (this.isDecided) return
    this.isDecided = true
    try {
      await ending()
    } catch (error) {
      this.ends.log('the response could not be settled', error)
      this.breakBody(controller)
    } finally {
      this.ends.onOver()
    }
  }

  /** The upstream has sent everything. */
  private async end(controller: Controller): Promise<void> {
    const { usedInAll, kindsInAll } = this.meter
    if (usedInAll !== undefined && this.ends.isDue(true)) {
      const used = this.ends.countedInAll(usedInAll, kindsInAll)
      await this.ends.charge(used, undefined, () => this.breakBody(controller))
    } else await this.ends.void('not_successful')
    if (this.isClosed) return
    this.sendWithheld(controller)
    this.isClosed = true
    controller.close()
  }

  /** The reservation does not grow any more, and is used up or cannot be kept alive. */
  private async cut(controller: Controller, refusal: Refusal): Promise<void> {
    const cancelled = this.cancelUpstream()
    const sendFinal = () => this.sendFinalEvent(controller, refusal, true)
    if (refusal.code === 'ledger_unavailable') sendFinal()
    await this.ends.charge(this.countedAt(this.used), 'hold', sendFinal)
    sendFinal()
    await cancelled
  }

  /** The upstream broke off, or what it sends cannot be taken. */
  private async breakOff(controller: Controller, error: unknown): Promise<void> {
    const cancelled = this.cancelUpstream()
    const refusal = this.ends.refusalOf(error)
    const isDue = this.ends.isDue(false)
    const isLeft = !isDue && !this.ends.isCutOff() && this.ends.isBrokenByClient()
    const isCharged = this.hasSentSold && (isDue || isLeft)
    const sendFinal = () => this.sendFinalEvent(controller, refusal, isCharged)
    if (isCharged)
      await this.ends.charge(this.countedAt(this.used), isDue ? 'upstream' : 'client', sendFinal)
    else await this.ends.void('upstream_broke_off')
    sendFinal()
    await cancelled
  }

  /** The client takes too long: it pays as one who left. */
  private async endUnread(controller: Controller): Promise<void> {
    const cancelled = this.cancelUpstream()
    await this.chargeLeft(() => this.breakBody(controller))
    this.breakBody(controller)
    await cancelled
  }

  /** Who left pays for what was sent and for the request, unless the upstream had failed before there was anything to pay. */
  private async chargeLeft(onDelay: () => void): Promise<void> {
    const { hasFailed, usedInAll } = this.meter
    if (hasFailed && usedInAll === undefined) {
      await this.ends.void('not_successful')
      return
    }
    await this.ends.charge(this.countedAt(this.used), 'client', onDelay)
  }

  private async cancelUpstream(): Promise<void> {
    await this.parts.cancel().catch(() => {})
  }

  private sendFinalEvent(controller: Controller, refusal: Refusal, isCharged: boolean): void {
    const event = this.ends.finalEvent(refusal, isCharged)
    if (event && !this.isClosed) {
      this.isClosed = true
      controller.enqueue(event)
      controller.close()
    }
    this.breakBody(controller)
  }

  private breakBody(controller: Controller): void {
    if (this.isClosed) return
    this.isClosed = true
    // Without the error, which is in the log: the server would print it once more.
    controller.error()
  }
}
