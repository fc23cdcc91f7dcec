/**
 * Rules of what is bought, at every prefix of the log, as the append decides it: credits are drawn from lots in their order and never
 * those that are owed, an allowance that is due comes first, no more calls are in flight than the account may have, and no key
 * uses more than its monthly cap. Adjustments and repayments draw in the same order. What is left of earlier months' allowances beyond what
 * rolls over lapses first, whatever an append does.
 */
import { maxAmount } from '../../../events/bounds.ts'
import { rolloverExcess } from '../../pricing/rollover-excess.ts'
import { allowanceDue } from './credits/allowance-due.ts'
import { Bounds } from './credits/bounds.ts'
import { type CreditState, type Lot, type Purse, purseOf } from './credits/credit-state.ts'
import { drawInOrder, freeCredits, isDrawnInOrder } from './credits/draw-order.ts'
import { type CreditEffect, effectOf } from './credits/effects.ts'
import type { LogEvent } from './log/log-event.ts'
import type { LogRules, Note } from './log-check.ts'
import type { LedgerState } from './meaning/ledger-state.ts'
import { type Micros, microsOf } from './meaning/rare-events.ts'

/** What stands before an event. The rules that follow it come after these. */
interface Before {
  readonly credits: CreditState
  readonly state: LedgerState
  readonly bounds: Bounds
  /** How often plans or tariffs have changed. */
  changes: number
  /** The lot that the event before this one granted. */
  granted: { readonly position: number; readonly purse: Purse } | undefined
}

export function purchaseRules(credits: CreditState, state: LedgerState): LogRules {
  const before: Before = { credits, state, bounds: new Bounds(), changes: 1, granted: undefined }
  return {
    follow(event, note) {
      const effect = effectOf(event.type)
      const { hold, lot, debt, freedByMove } = effect
      if (event.lots !== null) followLapse(credits, effect, event, note)
      if (hold !== undefined) {
        if (isPurchase(effect, event)) followPurchase(before, effect, event, note)
        countUse(before.bounds, effect, event)
      } else if (lot !== undefined) {
        const purse = purseOf(credits, event.accountId, event.mode)
        before.granted = { position: event.position, purse }
      } else if (debt !== undefined) followAdjustment(before, effect, event, note)
      else if (freedByMove === 1) countRefund(before.bounds, event)
      else if (effect.isOfTerms || effect.isOfKey) {
        if (effect.isOfTerms) before.changes++
        before.bounds.change(event)
      }
    },
  }
}

/** An append lets lapse what it finds. What it frees itself lapses with the next one, at a later time. */
function followLapse(
  credits: CreditState,
  { lapses }: CreditEffect,
  event: LogEvent,
  note: Note,
): void {
  const purse = purseOf(credits, event.accountId, event.mode)
  if (purse.rolling.length === 0 && !lapses) return
  const { recordedAt: time } = event
  dropOver(purse.rolling, time)
  const excess = rolloverExcess(purse.rolling, time)
  if (lapses) {
    const [next] = excess
    if (!next) note('nothing had to lapse')
    else if (!Bun.deepEquals([event.lots, event.moved], [[next.lot], [next.credits]])) {
      note(`${next.credits} credits of lot ${next.lot} had to lapse`)
    }
    return
  }
  // What repays a debt follows what granted or freed it.
  if (event.actor === 'ledger' && event.payload.repaysDebt === true) return
  const sum = excess.reduce((all, { credits }) => all + credits, 0)
  if (sum > 0 && time > purse.touchedAt) note(`${sum} credits had to lapse before it`)
  purse.touchedAt = time
}

function dropOver(lots: Lot[], time: Micros): void {
  for (let i = lots.length - 1; i >= 0; i--) {
    if ((lots[i] as Lot).expiresAt <= time) lots.splice(i, 1)
  }
}

/** What takes credits that are free: a hold, a lease, an extension, or a charge on a lease. */
function isPurchase({ hold, freedByMove }: CreditEffect, event: LogEvent): boolean {
  return hold !== 'resolves' || (freedByMove === -1 && event.held === null)
}

function followPurchase(before: Before, { hold }: CreditEffect, event: LogEvent, note: Note): void {
  const { bounds } = before
  const { recordedAt: time } = event
  const purse = purseOf(before.credits, event.accountId, event.mode)
  const credits = event.credits ?? 0
  // Credits that were granted for a later month cannot pay for a call of an earlier one.
  const isOfEarlierMonth = hold === 'extends' && event.occurredAt < bounds.monthOf(time).start
  if (!isOfEarlierMonth) noteAllowanceDue(before, purse, event, note)
  if (hold === 'opens') {
    const most = bounds.maxInFlightOf(event.accountId, time)
    if (purse.inFlight + (event.slots ?? 1) > most) {
      note(`its account had ${purse.inFlight} calls in flight, and may have ${most}`)
    }
  }
  noteCap(bounds, hold, event, note)
  if (purse.debt > 0) {
    const available = Math.max(freeCredits(purse, time) - purse.debt, 0)
    if (credits > available) note(`it takes ${credits} credits, and ${available} were not owed`)
  }
  const draw = {
    ...{ time, credits, isReverse: event.slots !== null },
    before: isOfEarlierMonth ? openedAt(before, event) : undefined,
  }
  const drawn = (hold === 'resolves' ? event.moved : event.held) ?? []
  if (!isDrawnInOrder(purse, draw, event.lots ?? [], drawn)) {
    note(drawnOtherwise(drawInOrder(purse, draw).lots))
  }
}

function openedAt({ credits }: Before, { requestId }: LogEvent): number {
  return credits.holds.get(requestId ?? '')?.position ?? 0
}

function drawnOtherwise(lots: readonly number[]): string {
  const order = lots.length === 0 ? 'no lot' : `lot ${lots.join(', then ')}`
  return `its credits are not drawn in order, from ${order}`
}

function noteAllowanceDue(
  { state, changes }: Before,
  purse: Purse,
  { accountId, mode, recordedAt }: LogEvent,
  note: Note,
): void {
  const due = allowanceDue(state, purse, { accountId, mode, time: recordedAt }, changes)
  if (due > 0) note(`${due} credits of allowance were due before it`)
}

/** A call counts against its key's cap in the month of its hold. */
function noteCap(bounds: Bounds, hold: CreditEffect['hold'], event: LogEvent, note: Note): void {
  const { cap, used } = bounds.keyOf(event.keyId ?? '')
  if (cap === null) return
  const month = bounds.monthOf(hold === 'extends' ? event.occurredAt : event.recordedAt)
  const left = Math.max(cap - (used.get(month.start) ?? 0), 0)
  if ((event.credits ?? 0) > left) note(`its key had ${left} credits left of its monthly cap`)
}

function countUse(bounds: Bounds, { hold, freedByMove }: CreditEffect, event: LogEvent): void {
  const { credits, held } = event
  if (hold !== 'resolves') {
    bounds.use(event, credits ?? 0)
    return
  }
  let use = freedByMove === -1 ? (credits ?? 0) : 0
  if (held) for (const each of held) use += each
  if (use !== 0) bounds.use(event, use)
}

/** A refund of an older charge frees nothing of its month's cap. */
function countRefund(bounds: Bounds, event: LogEvent): void {
  const { start, end } = bounds.monthOf(event.occurredAt)
  const chargedAt = microsOf(String(event.payload.chargedAt))
  if (chargedAt >= start && chargedAt < end) bounds.use(event, -(event.credits ?? 0))
}

/** How much is repaid is compared with the debt by meaning/follow-credits.ts. */
function followAdjustment(
  before: Before,
  { debt }: CreditEffect,
  event: LogEvent,
  note: Note,
): void {
  const { recordedAt: time } = event
  const purse = purseOf(before.credits, event.accountId, event.mode)
  if (debt === 'adds') {
    const free = freeCredits(purse, time)
    if (free > 0) note(`${free} credits were free, and are not taken first`)
    return
  }
  const repays = event.payload.repaysDebt === true
  const { granted } = before
  const lots = event.lots ?? []
  if (repays && granted?.position === event.position - 1 && granted.purse === purse) {
    // A lot that is granted repays what is owed whenever it starts.
    if (lots.length !== 1 || lots[0] !== granted.position) note(drawnOtherwise([granted.position]))
    return
  }
  if (!repays) noteAllowanceDue(before, purse, event, note)
  const credits = repays ? Math.min(purse.debt, maxAmount) : (event.credits ?? 0)
  const drawn = drawInOrder(purse, { time, credits, isReverse: false, before: undefined })
  if (!Bun.deepEquals([drawn.lots, drawn.credits], [lots, event.moved ?? []])) {
    note(drawnOtherwise(drawn.lots))
  }
}
