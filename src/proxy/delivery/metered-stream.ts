/**
 * Relays an answer that is metered along the way. Nothing that is sold is sent before the hold covers it.
 * What can be the last part waits until the charge is written. When the hold cannot grow any more, the
 * service is let go and the answer ends with what is said in place of the rest.
 */

import type { GrowingHold } from '../../gate/reservation/growing-hold.ts'
import type { TerminatedBy } from '../../ledger/append/call-commands.ts'
import type { Refusal } from '../../problems/refusal.ts'
import type { Meter, Parts } from '../metering/meter.ts'

/** An answer ends in one of these ways, once. */
export interface MeteredEnds {
  /**
   * Resolves when the charge is written, which can be long after. Throws when it never will be.
   * @param late called when it is not written in time for the client to wait
   */
  settle(used: number, terminatedBy: TerminatedBy | undefined, late: () => void): Promise<void>
  /** Frees the hold: nothing that is sold was sent, or it was the gateway that ended the answer. */
  release(reason: string): Promise<unknown>
  /** What the client is told in place of the rest; undefined where the body can only be broken. */
  finalEvent(refusal: Refusal, charged: boolean): Uint8Array | undefined
  /** Why the service's answer broke off, as it is told to the client. */
  brokenOff(error: unknown): Refusal
  /** Whether the gateway is ending what still is under way. */
  isCutOff(): boolean
  /** Called when it is over. */
  over(): void
  readonly log: (message: string, error?: unknown) => void
}

type Controller = ReadableStreamDefaultController<Uint8Array>

export function meteredStream(
  parts: Parts,
  meter: Meter,
  hold: GrowingHold,
  ends: MeteredEnds,
): ReadableStream<Uint8Array> {
  /** Parts that wait, with what is used once they are sent. */
  let waiting: { part: Uint8Array; used: number; sold: boolean }[] = []
  /** What is used by what was sent, and whether any of it is sold. */
  let used = meter.used
  let soldSome = false
  /** How the answer ends is decided. */
  let decided = false
  /** Nothing can be sent any more. */
  let closed = false

  async function relayNext(controller: Controller): Promise<void> {
    // A pull that sends nothing would not be repeated.
    for (let sent = false; !sent; ) {
      const part = await parts.next()
      if (decided) return
      if (part === undefined) return finish(controller, end)
      const { sold, waits } = meter.count(part)
      const refusal = sold ? await hold.cover(meter.used) : undefined
      if (decided) return
      if (refusal) return finish(controller, () => cut(controller, refusal))
      if (!sold) used = meter.used
      sent = waiting.length > 0 || !waits
      sendWaiting(controller)
      waiting.push({ part, used: meter.used, sold })
      if (!waits) sendWaiting(controller)
    }
  }

  function sendWaiting(controller: Controller): void {
    for (const one of waiting) {
      controller.enqueue(one.part)
      used = one.used
      soldSome ||= one.sold
    }
    waiting = []
  }

  /** Ends the answer in one way, once. Whatever fails in it, the client sees a broken body. */
  async function finish(
    controller: Controller,
    ending: (controller: Controller) => Promise<void>,
  ): Promise<void> {
    if (decided) return
    decided = true
    try {
      await ending(controller)
    } catch (error) {
      ends.log('the answer could not be settled', error)
      shut(controller)
    } finally {
      ends.over()
    }
  }

  /** The service has sent everything. */
  async function end(controller: Controller): Promise<void> {
    // Only a report of more than was counted can exceed the hold here: what it cannot cover was sent already.
    await hold.cover(meter.used, 0)
    await ends.settle(meter.used, undefined, () => shut(controller))
    if (closed) return
    sendWaiting(controller)
    closed = true
    controller.close()
  }

  /** The hold does not grow any more, and is used up or cannot be kept. */
  async function cut(controller: Controller, refusal: Refusal): Promise<void> {
    const releaseLock = parts.cancel().catch(() => {})
    const say = () => sayLast(controller, refusal, true)
    if (refusal.code === 'ledger_unavailable') say()
    await ends.settle(used, 'hold', say)
    say()
    await releaseLock
  }

  /** The service broke off, or what it sends cannot be taken. */
  async function breakOff(controller: Controller, error: unknown): Promise<void> {
    const releaseLock = parts.cancel().catch(() => {})
    const refusal = ends.brokenOff(error)
    const say = () => sayLast(controller, refusal, soldSome)
    if (soldSome) await ends.settle(used, 'upstream', say)
    else await ends.release('upstream_broke_off')
    say()
    await releaseLock
  }

  function sayLast(controller: Controller, refusal: Refusal, charged: boolean): void {
    const words = ends.finalEvent(refusal, charged)
    if (words && !closed) {
      closed = true
      controller.enqueue(words)
      controller.close()
    }
    shut(controller)
  }

  function shut(controller: Controller): void {
    if (closed) return
    closed = true
    // Without the error, which is in the log: the server would print it once more.
    controller.error()
  }

  return new ReadableStream<Uint8Array>({
    start(controller) {
      hold.whenLost((refusal) => void finish(controller, () => cut(controller, refusal)))
    },
    async pull(controller) {
      await relayNext(controller).catch((error) =>
        finish(controller, () => breakOff(controller, error)),
      )
    },
    async cancel() {
      closed = true
      if (decided) return
      decided = true
      const releaseLock = parts.cancel().catch(() => {})
      try {
        if (ends.isCutOff()) await ends.release('gateway_stopped')
        else await ends.settle(used, 'client', () => {})
      } catch (error) {
        ends.log('left by its client, and not charged', error)
      }
      await releaseLock
      ends.over()
    },
  })
}
