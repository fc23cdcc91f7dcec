/**
 * Rules of a log's credits: no lot is overdrawn and no debt is negative at any prefix of the log, and every hold is
 * resolved at most once, by an event that frees exactly what it holds. Whatever happens to a hold names the account, key,
 * tariff, endpoint, slots and time that it was taken with, and what runs on a lease its account and key.
 */
import { type CreditEffect, effectOf, leaseOf } from './credits/effects.ts'
import { type Lot, listLot, type OpenHold, rankOf } from './credits/purse.ts'
import type { LogEvent } from './log/log-event.ts'
import type { LogRules, Note } from './log-check.ts'
import { type LedgerState, newLedgerState } from './meaning/ledger-state.ts'
import { microsOf, monthOf } from './meaning/rare-events.ts'
import { subjectOf } from './meaning/subject.ts'

/** @param state follows the events; whoever shares it sees it as it is before an event, if his rules come first */
export function creditRules(state: LedgerState = newLedgerState()): LogRules {
  return {
    follow(event, note) {
      const effect = effectOf(event.type)
      if (effect.hold) followHold(state, effect, event, note)
      if (effect.lot || effect.debt) followPurse(state, effect, event, note)
      if (event.lots !== null) followLots(state, effect, event, note)
    },
  }
}

function followHold(state: LedgerState, effect: CreditEffect, event: LogEvent, note: Note): void {
  const lease = event.held === null ? leaseOf(effect, event) : undefined
  const id = lease ?? event.requestId ?? ''
  const hold = state.holds.get(id)
  if (lease !== undefined) {
    if (!hold) note(`the hold ${id} is not open`)
    else if (!isOfOwner(hold, event)) note(isOfAnother(id))
    return
  }
  const change = sumOf(event.held)
  const held = (hold?.held ?? 0) + change
  if (effect.hold === 'opens') {
    if (hold) note(`the hold ${id} is open already`)
    state.holds.set(id, holdOf(event, held))
    subjectOf(state, event).purse.inFlight += event.slots ?? 1
    return
  }
  if (!hold) note(`the hold ${id} is not open`)
  else if (!isOfOwner(hold, event) || !hasTerms(hold, event)) note(isOfAnother(id))
  else if (effect.hold === 'resolves' && held !== 0) {
    note(`${held} credits of the hold ${id} stay held`)
  } else if (effect.freedByMove === -1 && (event.credits ?? 0) > -change) {
    note(`${event.credits} credits are charged, and the hold ${id} has ${-change}`)
  }
  if (effect.hold === 'resolves') {
    state.holds.delete(id)
    if (event.held !== null) {
      subjectOf(state, event).purse.inFlight -= event.slots ?? 1
    }
  } else if (hold) hold.held = held
  else state.holds.set(id, holdOf(event, held))
}

const isOfAnother = (id: string) =>
  `the hold ${id} is of another account, key, tariff, endpoint, size or time`

function holdOf(event: LogEvent, held: number): OpenHold {
  const { accountId, keyId, mode, tariff, endpoint, slots, occurredAt, position } = event
  return { held, accountId, keyId, mode, tariff, endpoint, slots, occurredAt, position }
}

function isOfOwner(hold: OpenHold, { accountId, keyId, mode }: LogEvent): boolean {
  return hold.accountId === accountId && hold.keyId === keyId && hold.mode === mode
}

function hasTerms(hold: OpenHold, event: LogEvent): boolean {
  return (
    hold.tariff === event.tariff &&
    hold.endpoint === event.endpoint &&
    hold.slots === event.slots &&
    hold.occurredAt === event.occurredAt
  )
}

/** Grants and debts. */
function followPurse(state: LedgerState, effect: CreditEffect, event: LogEvent, note: Note): void {
  const { position, credits, payload } = event
  const purse = subjectOf(state, event).purse
  if (effect.lot) {
    const lot = lotOf(state, position)
    lot.purse = purse
    lot.free += credits ?? 0
    lot.rank = rankOf(payload.kind)
    lot.startsAt = microsOf(String(payload.startsAt))
    lot.expiresAt =
      payload.expiresAt === undefined
        ? Number.POSITIVE_INFINITY
        : microsOf(String(payload.expiresAt))
    if (payload.rollover) {
      lot.rollsAt = monthOf(lot.startsAt).end
      lot.max = payload.rollover.max
      purse.rolling.push(lot)
    }
    listLot(purse, lot)
    noteLot(lot, note)
  }
  if (effect.debt === 'adds') purse.debt += credits ?? 0
  if (effect.debt === 'repays' && payload.repaysDebt === true) {
    purse.debt -= credits ?? 0
    if (purse.debt < 0) note(`${-purse.debt} credits more than are owed are repaid`)
  }
}

function followLots(state: LedgerState, effect: CreditEffect, event: LogEvent, note: Note): void {
  const { held, moved } = event
  const lots = event.lots as number[]
  const length = Math.max(lots.length, held?.length ?? 0, moved?.length ?? 0)
  let last: Lot | undefined
  for (let i = 0; i < length; i++) {
    const lot = lotOf(state, lots[i] ?? -1)
    const change = held?.[i] ?? 0
    lot.free += effect.freedByMove * (moved?.[i] ?? 0) - change
    lot.held += change
    if (lot.purse) listLot(lot.purse, lot)
    last = lot
  }
  if (length === 1) {
    noteLot(last as Lot, note)
    return
  }
  // One event can name a lot more than once; an amount without a lot is of none.
  const names = new Set(Array.from({ length }, (_, i) => lots[i] ?? -1))
  for (const name of names) noteLot(lotOf(state, name), note)
}

function lotOf({ lots }: LedgerState, name: number): Lot {
  let lot = lots.get(name)
  if (!lot) {
    const never = { rank: 0, startsAt: 0, expiresAt: 0, rollsAt: 0, max: 0, listed: false }
    lot = { lot: name, purse: undefined, free: 0, held: 0, ...never }
    lots.set(name, lot)
  }
  return lot
}

function noteLot({ lot, purse, free, held }: Lot, note: Note): void {
  if (!purse) note(`lot ${lot} was never granted`)
  else if (free < 0) note(`${-free} credits more than lot ${lot} has are taken from it`)
  else if (held < 0) note(`${-held} credits more than are held of lot ${lot} are freed`)
}

function sumOf(values: readonly number[] | null): number {
  let sum = 0
  if (values) for (const value of values) sum += value
  return sum
}
