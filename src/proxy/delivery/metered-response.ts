/**
 * A 2xx answer that is metered along the way: its head carries the hold's position, and what it costs is
 * known at its end.
 */

import { printPosition } from '../../../events/event.ts'
import type { GrowingHold } from '../../gate/reservation/growing-hold.ts'
import { SettlementRefused } from '../../gate/reservation/settlement.ts'
import {
  type AppendResult,
  LedgerUnavailable,
  type TerminatedBy,
} from '../../ledger/append/call-commands.ts'
import { credits } from '../../pricing/price-arithmetic.ts'
import type { RequestFacts } from '../../pricing/price-kind.ts'
import type { MeteredPrice } from '../../pricing/price-rule.ts'
import { problemDocument } from '../../problems/problem-document.ts'
import type { Refusal } from '../../problems/refusal.ts'
import { isEventStream, printEvent } from '../metering/event-stream.ts'
import { meterOf, partsOf } from '../metering/meter.ts'
import { failureOf } from '../upstream/forward.ts'
import { meteredStream } from './metered-stream.ts'
import type { Answered } from './responses.ts'

export interface MeteredAnswerDeps {
  readonly requestId: string
  readonly request: RequestFacts
  /** Of the answer to the client, to which the hold's are added. */
  readonly headers: Headers
  /** The ledger's answer to the hold. */
  readonly held: AppendResult
  readonly hold: GrowingHold
  /** Charges this quantity, or what of it is held. Throws when the charge is not durable. */
  readonly settle: (used: number, terminatedBy: TerminatedBy | undefined) => Promise<unknown>
  readonly release: (reason: string) => Promise<unknown>
  /** Whether the gateway is ending what still is under way. */
  readonly isCutOff: () => boolean
  readonly log: (message: string, error?: unknown) => void
}

/** Whether a 2xx answer is relayed as it comes. An answer of tokens that is no event stream is read instead. */
export function isRelayed(response: Response, price: MeteredPrice): boolean {
  return price.per === 'byte' || isEventStream(response)
}

/** Whether it can be counted: bytes as they come, events only when they are not compressed. */
export function isPlain({ headers }: Response, price: MeteredPrice): boolean {
  return price.per === 'byte' || (headers.get('content-encoding') ?? 'identity') === 'identity'
}

export function meteredAnswer(response: Response, deps: MeteredAnswerDeps): Answered {
  const { requestId, headers, held, hold, isCutOff } = deps
  const { price } = hold
  headers.set('X-Credits-Remaining', String(held.available))
  headers.set('X-Ledger-Position', printPosition(held))
  const log = (message: string, error?: unknown) => deps.log(`${requestId}: ${message}`, error)
  const { promise: relayed, resolve: over } = Promise.withResolvers<void>()
  const asEvents = price.per === 'token'
  const parts = partsOf(response.body ?? new Blob().stream(), asEvents ? 'events' : price.hold.step)
  const body = meteredStream(parts, meterOf(price, deps.request), hold, {
    settle: (used, terminatedBy, late) => settleWhileHeld(deps, used, terminatedBy, late),
    release: deps.release,
    finalEvent: (refusal, charged) =>
      asEvents ? errorEvent(refusal, requestId, charged) : undefined,
    brokenOff(error) {
      log('the answer broke off', error)
      return { code: failureOf(error), detail: 'The service broke off.' }
    },
    ...{ isCutOff, over, log },
  })
  return { response: new Response(body, { status: response.status, headers }), relayed }
}

/** What a growing hold can be charged for this quantity; what it does not cover is a shortfall. */
export function upTo({ price, held }: GrowingHold, used: number) {
  const quantity = Math.min(used, held.quantity)
  const shortfall = credits(price, used) - credits(price, quantity)
  return { quantity, credits: credits(price, quantity), ...(shortfall > 0 && { shortfall }) }
}

/** What was sent is owed: while the hold lives, a ledger that cannot be reached is asked again. */
async function settleWhileHeld(
  { settle, hold, isCutOff, log }: MeteredAnswerDeps,
  used: number,
  terminatedBy: TerminatedBy | undefined,
  late: () => void,
): Promise<void> {
  for (let again = false; ; again = true) {
    try {
      await settle(used, terminatedBy)
      return
    } catch (error) {
      // Asked before, the ledger may have written the charge after all.
      if (again && error instanceof SettlementRefused) return
      late()
      if (!(error instanceof LedgerUnavailable) || !hold.alive || isCutOff()) throw error
      log('a metered answer is not settled yet; it is tried again', error)
    }
  }
}

/** A problem document, with `error` in it for programs that look for that. */
function errorEvent(refusal: Refusal, requestId: string, charged: boolean): Uint8Array {
  const { code, extensions } = refusal
  const detail = charged
    ? `${refusal.detail} The answer ends here; what was sent is charged, see /v1/charges/${requestId}.`
    : `${refusal.detail} You were not charged.`
  const problem = problemDocument(code, { ...extensions, requestId, detail })
  const error = { type: problem.type, code, message: problem.detail }
  return printEvent('error', { ...problem, error })
}
