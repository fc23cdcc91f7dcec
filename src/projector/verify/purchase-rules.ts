/**
 * Rules of what is bought, at every prefix of the log, as the append decides it: credits are drawn from lots in their order and never
 * those that are owed, and from overage last and while nothing is owed; an allowance that is due comes first, and so does overage; no more calls are in flight than the account may have, and no key
 * uses more than its monthly cap. Adjustments and repayments draw in the same order. What is left of earlier months' allowances beyond what
 * rolls over lapses first, whatever an append does.
 */
import { maxAmount } from '../../../events/bounds.ts'
import { rolloverExcess } from '../../pricing/rollover-excess.ts'
import { allowanceDue } from './credits/allowance-due.ts'
import { type Draw, drawInOrder, freeCredits, isDrawnInOrder } from './credits/draw-order.ts'
import { type CreditEffect, effectOf } from './credits/effects.ts'
import { overageDue } from './credits/overage-due.ts'
import type { Lot, Purse } from './credits/purse.ts'
import type { LogEvent } from './log/log-event.ts'
import type { LogRules, Note } from './log-check.ts'
import { planOf } from './meaning/follow-plans.ts'
import type { FollowedAccount, FollowedKey, LedgerState } from './meaning/ledger-state.ts'
import { type Micros, microsOf, monthOf } from './meaning/rare-events.ts'
import { type Subject, subjectOf } from './meaning/subject.ts'

/** The lot that the event before this one granted. */
interface Granted {
  readonly position: number
  readonly purse: Purse
}

/** @param state stands as it does before an event: the rules that follow it come after these */
export function purchaseRules(state: LedgerState): LogRules {
  let granted: Granted | undefined
  return {
    follow(event, note) {
      const effect = effectOf(event.type)
      const { hold, lot, debt, freedByMove } = effect
      if (event.lots !== null) followLapse(subjectOf(state, event).purse, effect, event, note)
      if (hold !== undefined) {
        const subject = subjectOf(state, event)
        if (isPurchase(effect, event)) followPurchase(state, subject, effect, event, note)
        if (subject.key) countUse(subject.key, effect, event)
      } else if (lot !== undefined) {
        granted = { position: event.position, purse: subjectOf(state, event).purse }
      } else if (debt !== undefined) followAdjustment(state, granted, effect, event, note)
      else if (freedByMove === 1) countRefund(subjectOf(state, event).key, event)
    },
  }
}

/** An append lets lapse what it finds. What it frees itself lapses with the next one, at a later time. */
function followLapse(purse: Purse, { lapses }: CreditEffect, event: LogEvent, note: Note): void {
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

function followPurchase(
  state: LedgerState,
  { key, purse, isOfKey }: Subject,
  { hold }: CreditEffect,
  event: LogEvent,
  note: Note,
): void {
  const { recordedAt: time, accountId } = event
  const account = isOfKey ? key?.account : accountOf(state, accountId)
  const credits = event.credits ?? 0
  // Credits that were granted for a later month cannot pay for a call of an earlier one.
  const isOfEarlierMonth = hold === 'extends' && event.occurredAt < monthOf(time).start
  if (!isOfEarlierMonth) {
    noteAllowanceDue(state, account, purse, time, note)
    const due = purse.debt > 0 ? 0 : overageDue(state, account, purse, time)
    if (due > 0) note(`${due} credits of overage were due before it`)
  }
  if (hold === 'opens') {
    const most = maxInFlightOf(state, account, time)
    if (purse.inFlight + (event.slots ?? 1) > most) {
      note(`its account had ${purse.inFlight} calls in flight, and may have ${most}`)
    }
  }
  if (key) noteCap(key, hold, event, note)
  if (purse.debt > 0) {
    const available = Math.max(freeCredits(purse, time) - purse.debt, 0)
    if (credits > available) note(`it takes ${credits} credits, and ${available} were not owed`)
  }
  const draw: Draw = {
    time,
    credits,
    isReverse: event.slots !== null,
    before: isOfEarlierMonth ? openedAt(state, event) : undefined,
    withOverage: purse.debt === 0,
  }
  const drawn = (hold === 'resolves' ? event.moved : event.held) ?? []
  if (!isDrawnInOrder(purse, draw, event.lots ?? [], drawn)) {
    note(drawnOtherwise(drawInOrder(purse, draw).lots))
  }
}

function accountOf({ accounts }: LedgerState, accountId: string | null) {
  return accounts.get(accountId ?? '')
}

/** How many calls in flight an account may have. A plan that the tariff does not know allows none. */
function maxInFlightOf(
  state: LedgerState,
  account: FollowedAccount | undefined,
  time: Micros,
): number {
  return account?.maxInFlight ?? planOf(state, account, time)?.maxInFlight ?? 0
}

function openedAt({ holds }: LedgerState, { requestId }: LogEvent): number {
  return holds.get(requestId ?? '')?.position ?? 0
}

function drawnOtherwise(lots: readonly number[]): string {
  const order = lots.length === 0 ? 'no lot' : `lot ${lots.join(', then ')}`
  return `its credits are not drawn in order, from ${order}`
}

function noteAllowanceDue(
  state: LedgerState,
  account: FollowedAccount | undefined,
  purse: Purse,
  time: Micros,
  note: Note,
): void {
  const due = allowanceDue(state, account, purse, time)
  if (due > 0) note(`${due} credits of allowance were due before it`)
}

/** A call counts against its key's cap in the month of its hold. */
function noteCap(
  { cap, used }: FollowedKey,
  hold: CreditEffect['hold'],
  event: LogEvent,
  note: Note,
): void {
  if (cap === null) return
  const month = monthOf(hold === 'extends' ? event.occurredAt : event.recordedAt)
  const left = Math.max(cap - (used.get(month.start) ?? 0), 0)
  if ((event.credits ?? 0) > left) note(`its key had ${left} credits left of its monthly cap`)
}

function countUse(key: FollowedKey, { hold, freedByMove }: CreditEffect, event: LogEvent): void {
  const { credits, held } = event
  if (hold !== 'resolves') {
    use(key, event, credits ?? 0)
    return
  }
  let change = freedByMove === -1 ? (credits ?? 0) : 0
  if (held) for (const each of held) change += each
  if (change !== 0) use(key, event, change)
}

/** A hold that is extended, or a charge that is refunded, is of one of the last months. */
const maxMonths = 3

/** Counts what an event uses of its key's cap, in the month for which the event counts. */
function use({ used }: FollowedKey, { occurredAt }: LogEvent, credits: number): void {
  const { start } = monthOf(occurredAt)
  used.set(start, (used.get(start) ?? 0) + credits)
  if (used.size > maxMonths) used.delete(Math.min(...used.keys()))
}

/** A refund of an older charge frees nothing of its month's cap. */
function countRefund(key: FollowedKey | undefined, event: LogEvent): void {
  const { start, end } = monthOf(event.occurredAt)
  const chargedAt = microsOf(String(event.payload.chargedAt))
  if (key && chargedAt >= start && chargedAt < end) use(key, event, -(event.credits ?? 0))
}

/** How much is repaid is compared with the debt by meaning/follow-credits.ts. */
function followAdjustment(
  state: LedgerState,
  granted: Granted | undefined,
  { debt }: CreditEffect,
  event: LogEvent,
  note: Note,
): void {
  const { recordedAt: time } = event
  const { purse } = subjectOf(state, event)
  if (debt === 'adds') {
    const free = freeCredits(purse, time)
    if (free > 0) note(`${free} credits were free, and are not taken first`)
    return
  }
  const repays = event.payload.repaysDebt === true
  const lots = event.lots ?? []
  if (repays && granted?.position === event.position - 1 && granted.purse === purse) {
    // A lot that is granted repays what is owed whenever it starts.
    if (lots.length !== 1 || lots[0] !== granted.position) note(drawnOtherwise([granted.position]))
    return
  }
  if (!repays) noteAllowanceDue(state, accountOf(state, event.accountId), purse, time, note)
  const credits = repays ? Math.min(purse.debt, maxAmount) : (event.credits ?? 0)
  const drawn = drawInOrder(purse, {
    ...{ time, credits, isReverse: false, before: undefined, withOverage: false },
  })
  if (!Bun.deepEquals([drawn.lots, drawn.credits], [lots, event.moved ?? []])) {
    note(drawnOtherwise(drawn.lots))
  }
}
