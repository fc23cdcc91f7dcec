/**
 * What must be true of any log, event by event. Each decision of the ledger is made again, from the state that the oracle had
 * before the event, by the rules as a customer would read them.
 */

import { type Budget, budgetsOfKey, type KeyBudget, namedBudgets } from '../../events/budget.ts'
import type {
  CallCommand,
  Count,
  CountRefused,
  Verdict,
} from '../../src/ledger/append/call-commands.ts'
import { endOfBudgetSpan, startOfBudgetSpan } from '../../src/lib/calendar-span.ts'
import { type LogEvent, type Micros, micros, monthOf } from './log.ts'
import { emptyState, evolve, type Row, type State } from './oracle.ts'
import { tieredCost } from './tier-rules.ts'

/** A command with its result, to be checked against the state that it was decided in. */
export interface DecidedCommand {
  readonly command: CallCommand
  readonly verdict: Verdict
  readonly position: number
  readonly available: number
  readonly now: Micros
}

/**
 * Every breach of a rule, with the position where it stands; empty for a sound log and right results.
 * The log may be a later part of one, as long as it has all events of the accounts and tariffs in it.
 */
export function breachesOf(
  log: readonly LogEvent[],
  results: readonly DecidedCommand[] = [],
): string[] {
  return followLog().breachesOf(log, results)
}

/** A log that is checked part by part, as it grows. */
export interface FollowedLog {
  /** The state after all parts so far. */
  readonly state: State
  /** Every breach in the log's next part. */
  breachesOf(log: readonly LogEvent[], results?: readonly DecidedCommand[]): string[]
}

export function followLog(): FollowedLog {
  const state = emptyState()
  const charges = new Map<string, LogEvent>()
  const refunds = new Map<string, LogEvent[]>()
  /** When each account's lots were last moved by what lets lapse first. */
  const touched = new Map<string, Micros>()
  let before: LogEvent | undefined
  /** A plan was taken at once: its trials come before anything else that is recorded later. */
  let taken: LogEvent | undefined

  function breachesIn(log: readonly LogEvent[], results: readonly DecidedCommand[] = []): string[] {
    const breaches: string[] = []
    const resultsAt = Map.groupBy(results, (result) => result.position)
    for (const event of log) {
      const note = (rule: string) => breaches.push(`${event.position} ${event.type}: ${rule}`)
      if (before && event.position !== before.position + 1) note('positions are consecutive')
      if (before && event.recorded_at < before.recorded_at) note('time does not run backwards')
      if (owes(state, before) && !event.payload.repaysDebt) note('a new lot pays the debt at once')
      if (taken && event.recorded_at > taken.recorded_at) {
        for (const mode of ['live', 'test'])
          if (trialDue(state, { ...whose(taken), mode }))
            note('a plan that is taken gives its trial')
        taken = undefined
      }
      for (const rule of broken(state, event, { before, charges, refunds })) note(rule)
      for (const rule of lapseMissing(state, event, touched)) note(rule)
      evolve(state, event)
      if (event.type === 'PlanStarted' && micros(event.payload.from) <= event.recorded_at) {
        taken = event
      }
      for (const rule of negative(state, event)) note(rule)
      for (const rule of purchaseOnDebt(state, event)) note(rule)
      for (const result of resultsAt.get(event.position) ?? []) {
        for (const rule of wrong(state, event, result)) note(`${rule} (${JSON.stringify(result)})`)
      }
      if (event.type === 'HoldSettled') charges.set(event.request_id, event)
      if (event.type === 'ChargeRefunded') {
        refunds.set(event.request_id, [...(refunds.get(event.request_id) ?? []), event])
      }
      before = event
    }
    return breaches
  }

  return { state, breachesOf: breachesIn }
}

type CountCommand = Count | CountRefused

/** It counts calls, and is about no hold. */
export function isCount(command: CallCommand): command is CountCommand {
  return command.kind === 'count' || command.kind === 'count_refused'
}

/** What is wrong with a result, by the state at its position. */
function* wrong(state: State, event: LogEvent, result: DecidedCommand): Generator<string> {
  const { command, verdict, available, now } = result
  const who = { shard: event.shard, account_id: command.accountId, mode: command.mode, now }
  if (isCount(command)) {
    const type = command.kind === 'count' ? 'CallsCounted' : 'CallsRefused'
    if (verdict === 'ok' && event.type !== type) yield 'the calls were counted'
    return
  }
  if (verdict === 'ok') {
    // The decision itself was checked with the event.
    if (event.request_id !== command.requestId) yield 'the result names the command’s event'
  } else if (decide(state, command, who) !== verdict)
    yield `the verdict is ${decide(state, command, who)}`
  const left =
    verdict === 'key_cap_reached'
      ? capLeft(state, command, who)
      : verdict === 'budget_exceeded'
        ? budgetLeft(state, command, who)
        : verdict === 'insufficient_credits'
          ? drawableAt(state, command, who)
          : availableAt(state, who)
  if (available !== left) yield `${left} are available`
}

/** Whose credits, and when. */
export interface Who {
  readonly shard: number
  readonly account_id: string
  readonly mode: string
  readonly now: Micros
}

/** The verdict that a command about a hold must get. */
export function decide(
  state: State,
  command: Exclude<CallCommand, CountCommand>,
  who: Who,
): Verdict {
  const { shard, now } = who
  const hold = holdOf(state, command, shard)
  const opensHold = command.kind === 'hold' || command.kind === 'lease'
  if (!opensHold && command.kind !== 'extend' && command.kind !== 'charge_on_lease') {
    const cost = costOf(state, command, shard, Number(hold?.held_at ?? now))
    if (cost === undefined) return 'amount_out_of_range'
    if (!hold) return 'hold_not_open'
    if (command.kind === 'settle' && cost > Number(hold.credits)) return 'exceeds_hold'
    if (command.kind === 'expire' && now < Number(hold.expires_at)) return 'hold_not_due'
    return 'ok'
  }
  const account = state.account_state.get(`${command.accountId} ${shard}`)
  const key = state.key_state.get(`${command.keyId} ${shard}`)
  if (key?.account_id !== command.accountId || key.mode !== command.mode) return 'stale_key'
  if (key.version !== command.keyVersion || account?.version !== command.accountVersion)
    return 'stale_key'
  if (key.revoked_at !== null) return 'key_revoked'
  if (!key.enabled) return 'key_disabled'
  if (key.expires_at !== null && Number(key.expires_at) <= now) return 'key_expired'
  if (command.previousSecret && Number(key.previous_until ?? 0) <= now) return 'key_expired'
  if (account.frozen || account.erased) return 'account_frozen'
  // Price and concurrency were settled with the hold that is extended.
  if (!opensHold && !hold) return 'hold_not_open'
  if (command.kind === 'extend' && (command.sent?.credits ?? 0) > Number(hold?.credits))
    return 'exceeds_hold'
  if (command.kind !== 'extend' && command.tariff !== tariffAt(state, now)) return 'stale_tariff'
  if (command.kind === 'hold' || command.kind === 'charge_on_lease') {
    if ((command.plan ?? null) !== pricingPlanAt(state, who)) return 'stale_plan'
  }
  if (command.kind === 'charge_on_lease' && command.credits > Number(hold?.credits))
    return 'exceeds_hold'
  if (opensHold) {
    const most = account.max_in_flight ?? planAt(state, who)?.max_in_flight ?? 0
    const open =
      state.balances.get(`${command.accountId} ${command.mode} ${shard}`)?.open_holds ?? 0
    const slots = command.kind === 'lease' ? command.slots : 1
    if (Number(open) + slots > Number(most)) return 'concurrency_exceeded'
  }
  const cost = costOf(state, command, shard, now)
  if (cost === undefined) return 'amount_out_of_range'
  if (key.monthly_cap !== null && cost > capLeft(state, command, who)) return 'key_cap_reached'
  if (cost > budgetLeft(state, command, who)) return 'budget_exceeded'
  return cost > drawableAt(state, command, who) ? 'insufficient_credits' : 'ok'
}

/** The credits that the command says, or that the tiers of its price make of it; undefined: it cannot be priced. */
function costOf(
  state: State,
  command: CallCommand,
  shard: number,
  time: Micros,
): number | undefined {
  switch (command.kind) {
    case 'hold':
    case 'settle':
    case 'charge_on_lease':
      if (!command.tiered) break
      return tieredCost(state, command, shard, time)?.credits
  }
  return 'credits' in command ? command.credits : 0
}

/** The command's hold, if it is open and the command's own; only what runs on a lease has one of those. */
export function holdOf(state: State, command: CallCommand, shard: number): Row | undefined {
  if (isCount(command)) return undefined
  const runsOnLease = command.kind === 'charge_on_lease' || command.kind === 'void_on_lease'
  const hold = state.open_holds.get(`${runsOnLease ? command.lease : command.requestId} ${shard}`)
  const own =
    hold?.account_id === command.accountId &&
    hold.key_id === command.keyId &&
    hold.mode === command.mode
  if (!own || (runsOnLease && hold.slots === null)) return undefined
  const isOfOneCall = command.kind === 'extend' || command.kind === 'settle'
  return isOfOneCall && hold.slots !== null ? undefined : hold
}

/** What a hold could draw: live lots and what is still to be granted, less what is owed; and overage while nothing is owed then. */
export function availableAt(state: State, who: Who): number {
  const own = freeLessDebt(state, who) + allowanceDue(state, who)
  if (debtOf(state, who) > allowanceDue(state, who)) return Math.max(own, 0)
  return own + sumOfFree(liveLots(state, who).filter(isOverage)) + overageDue(state, who)
}

/** What is free of live lots but overage, less what is owed: negative where that is more. */
function freeLessDebt(state: State, who: Who): number {
  return sumOfFree(ownLots(state, who)) - debtOf(state, who)
}

const isOverage = (lot: Row): boolean => lot.kind === 'overage'

/** What repays debts, and what adjustments take from: live lots but overage. */
export function ownLots(state: State, who: Who): Row[] {
  return liveLots(state, who).filter((lot) => !isOverage(lot))
}

/** What a purchase draws on: nothing of overage while credits are owed. */
export function drawableLots(state: State, who: Who): Row[] {
  return debtOf(state, who) > 0 ? ownLots(state, who) : liveLots(state, who)
}

/** What the plan gives for overage, where the month has had none. */
export function overageDue(state: State, who: Who): number {
  const terms = overageTerms(state, who)
  return terms && !liveLots(state, who).some(isOverage) ? terms.max : 0
}

export function overageTerms(state: State, who: Who): OverageTerms | undefined {
  const { monthly_terms } = planAt(state, who) ?? {}
  return (monthly_terms as { overage?: OverageTerms } | null | undefined)?.overage
}

interface OverageTerms {
  readonly max: number
  readonly per: number
  readonly fee: { readonly minorUnits: number; readonly currency: string }
}

const sumOfFree = (lots: readonly Row[]): number => lots.reduce((sum, lot) => sum + freeOf(lot), 0)

/** The same for one command: months cut on the hold's time, so an extension draws on nothing of a later month. */
export function drawableAt(state: State, command: CallCommand, who: Who): number {
  const hold = command.kind === 'extend' ? holdOf(state, command, who.shard) : undefined
  const lots = lotsFor(state, hold, who)
  if (!lots) return availableAt(state, who)
  return Math.max(Math.min(sumOfFree(lots), freeLessDebt(state, who)), 0)
}

/** The lots that an extension of a hold of an earlier month may draw on; undefined where it is of this one. */
export function lotsFor(state: State, hold: Row | undefined, who: Who): Row[] | undefined {
  if (!hold || monthOf(Number(hold.held_at)) === monthOf(who.now)) return undefined
  return drawableLots(state, who).filter((lot) => Number(lot.lot) < Number(hold.position))
}

export function capLeft(state: State, command: CallCommand, { shard, now }: Who): number {
  const { accountId, keyId, mode } = command
  const cap = Number(state.key_state.get(`${keyId} ${shard}`)?.monthly_cap)
  const held = command.kind === 'extend' ? holdOf(state, command, shard)?.held_at : undefined
  const month = monthOf(Number(held ?? now))
  const before = state.monthly_balances.get(`${accountId} ${keyId} ${mode} ${month} ${shard}`)
  const since = state.cap_usage.get(`${keyId} ${month} ${shard}`)
  return Math.max(cap - Number(before?.used_before_cap ?? 0) - Number(since?.used ?? 0), 0)
}

/** The budgets that a purchase counts in, by their names, with the start of the span; undefined: in none. */
export function spansOf(
  state: State,
  command: CallCommand,
  { shard, now }: Who,
): Readonly<Record<string, string>> | undefined {
  if (command.kind === 'extend') {
    const named = holdOf(state, command, shard)?.budgets
    return named ? JSON.parse(String(named)) : undefined
  }
  const budgets = budgetsOfKey(...budgetsNow(state, command, shard))
  const spans = budgets.map((budget) => {
    const last = lastStartMs(state, command, budget.name, shard)
    const startMs = startOfBudgetSpan(budget.per, budget.timeZone, last, Math.floor(now / 1_000))
    return [budget.name, new Date(startMs).toISOString().replace('.000Z', 'Z')] as const
  })
  return spans.length > 0
    ? Object.fromEntries(spans.sort(([a], [b]) => (a < b ? -1 : 1)))
    : undefined
}

/** Where the last span of a budget begins that calls have counted in. */
function lastStartMs(
  state: State,
  { accountId, mode }: CallCommand,
  name: string,
  shard: number,
): number | undefined {
  const starts = [...state.budget_use.values()]
    .filter((row) => row.account_id === accountId && row.mode === mode && row.shard === shard)
    .filter((row) => row.budget === name)
    .map((row) => Number(row.starts_at) / 1_000)
  return starts.length > 0 ? Math.max(...starts) : undefined
}

function budgetsNow(
  state: State,
  { accountId, keyId }: CallCommand,
  shard: number,
): Parameters<typeof budgetsOfKey> {
  const account = state.account_state.get(`${accountId} ${shard}`)
  const key = state.key_state.get(`${keyId} ${shard}`)
  return [
    (account?.budgets ?? []) as readonly Budget[],
    {
      keyId,
      group: (key?.key_group ?? null) as string | null,
      budgets: (key?.budgets ?? []) as readonly KeyBudget[],
    },
  ]
}

/** What the budget leaves that leaves the least; without end where none applies. */
export function budgetLeft(state: State, command: CallCommand, who: Who): number {
  return Math.min(...limitsOf(state, command, who).map(({ left }) => left))
}

/** The budgets that a purchase counts in and that refuse. A key that has left a group still counts there what it began there. */
function limitsOf(state: State, command: CallCommand, who: Who) {
  const { accountId, mode } = command
  const budgets = namedBudgets(...budgetsNow(state, command, who.shard))
  return Object.entries(spansOf(state, command, who) ?? {}).flatMap(([name, start]) => {
    const [first, ...more] = budgets.filter((of) => of.name === name && !of.warnsOnly)
    if (!first) return []
    const credits = Math.min(first.credits, ...more.map((of) => of.credits))
    const id = [accountId, mode, name, micros(start), who.shard].join(' ')
    const used = Number(state.budget_use.get(id)?.used ?? 0)
    const endsAt = endOfBudgetSpan(first.per, first.timeZone, Date.parse(start)) / 1_000
    return [{ name, credits, endsAt, left: Math.max(credits - used, 0) }]
  })
}

/** The budget that refuses a purchase for longest: one that never has so much, or else the one whose span ends last. */
export function exceededBudget(state: State, command: CallCommand, who: Who, credits: number) {
  const never = (of: { credits: number }) => Number(of.credits < credits)
  return limitsOf(state, command, who)
    .filter(({ left }) => left < credits)
    .sort((a, b) => never(b) - never(a) || b.endsAt - a.endsAt || (a.name < b.name ? -1 : 1))[0]
}

export function balanceOf(state: State, { account_id, mode, shard }: Who): Row | undefined {
  return state.balances.get(`${account_id} ${mode} ${shard}`)
}

function debtOf(state: State, who: Who): number {
  return Number(balanceOf(state, who)?.debt ?? 0)
}

interface Earlier {
  readonly before: LogEvent | undefined
  readonly charges: ReadonlyMap<string, LogEvent>
  readonly refunds: ReadonlyMap<string, LogEvent[]>
}

function* broken(
  state: State,
  event: LogEvent,
  { before, charges, refunds }: Earlier,
): Generator<string> {
  switch (event.type) {
    case 'CreditsHeld':
    case 'HoldExtended':
      return yield* brokenByHold(state, event)
    case 'HoldSettled':
    case 'HoldReleased':
    case 'HoldExpired':
      return yield* event.payload.lease
        ? brokenByLeaseEnd(state, event)
        : brokenByResolution(state, event)
    case 'CreditsGranted':
      return yield* brokenByGrant(state, event)
    case 'CreditsAdjusted':
      return yield* brokenByAdjustment(state, event, before)
    case 'CreditsLapsed':
      return yield* brokenByLapse(state, event)
    case 'ChargeRefunded':
      return yield* brokenByRefund(
        event,
        charges.get(event.request_id),
        refunds.get(event.request_id) ?? [],
      )
  }
}

function* brokenByHold(state: State, event: LogEvent): Generator<string> {
  const { shard, account_id, mode, credits, recorded_at: now } = event
  const who = { shard, account_id, mode, now }
  const account = state.account_state.get(`${account_id} ${shard}`)
  const purchase = {
    ...callOf(event),
    keyVersion: event.payload.keyVersion,
    // The event does not carry the account's version; that a stale one is refused is seen in the results.
    accountVersion: Number(account?.version),
    previousSecret: false,
    credits,
    quantity: event.quantity,
    holdSeconds: event.payload.holdSeconds,
  }
  const isLease = event.slots !== null
  const verdict = decide(
    state,
    event.type !== 'CreditsHeld'
      ? { kind: 'extend', ...purchase, ...sentOf(event) }
      : isLease
        ? { kind: 'lease', ...purchase, slots: event.slots ?? 0 }
        : { kind: 'hold', ...purchase, plan: event.payload.plan },
    who,
  )
  if (isLease && (event.endpoint !== null || event.quantity !== null))
    yield 'a lease is for no endpoint'
  if (verdict !== 'ok') yield `it would be refused: ${verdict}`
  const hold = state.open_holds.get(`${event.request_id} ${shard}`)
  if (event.occurred_at !== Number(hold?.held_at ?? now))
    yield 'a hold occurs when it is recorded, and its extensions with it'
  if (hold && event.tariff !== hold.tariff) yield 'an extension is priced as its hold'
  const old = lotsFor(state, hold, who)
  if (!old) yield* grantsMissing(state, who)
  const lots = old ?? drawableLots(state, who)
  // A lease takes what would be spent last.
  const drawn = draw(isLease ? lots.toReversed() : lots, credits)
  if (drawn.left > 0) yield 'there are credits enough'
  if (!same(drawn.lots, event.lots) || !same(drawn.taken, event.held))
    yield 'lots are drawn in order'
  const kind = event.type === 'HoldExtended' ? 'extend' : 'hold'
  yield* brokenBudgets(event, spansOf(state, { kind, ...purchase } as CallCommand, who))
}

/** What the plan gives in this month comes before what is bought. */
function* grantsMissing(state: State, who: Who): Generator<string> {
  if (allowanceDue(state, who) > 0) yield 'the month’s allowance was granted first'
  if (debtOf(state, who) === 0 && overageDue(state, who) > 0)
    yield 'the month’s overage was granted first'
}

function* brokenBudgets(event: LogEvent, expected: object | undefined): Generator<string> {
  if (!Bun.deepEquals(event.payload.budgets, expected)) yield 'it counts in the budgets of its call'
}

/** What an extension says was sent. */
function sentOf({ payload: { sentCredits, sentQuantity } }: LogEvent) {
  return sentCredits === undefined ? {} : { sent: { credits: sentCredits, quantity: sentQuantity } }
}

/** The end of a call that ran on a lease: sold by the rules of a hold, or not charged. */
function* brokenByLeaseEnd(state: State, event: LogEvent): Generator<string> {
  const who = whose(event)
  const { requestId, ...call } = callOf(event)
  const { lease } = event.payload
  if (event.occurred_at !== event.recorded_at) yield 'it occurs when it is recorded'
  if (event.held !== null) yield 'it frees nothing'
  if (event.type !== 'HoldSettled') {
    const command = {
      kind: 'void_on_lease',
      requestId,
      ...call,
      lease,
      quantity: 1,
      reason: event.payload.reason,
      latencyMs: 0,
    } as const
    if (decide(state, command, who) !== 'ok') yield 'its lease is open'
    if (event.credits !== 0 || event.lots !== null) yield 'it moves nothing'
    return
  }
  const account = state.account_state.get(`${event.account_id} ${event.shard}`)
  const verdict = decide(
    state,
    {
      ...{ kind: 'charge_on_lease', requestId, ...call, lease, status: 200, latencyMs: 0 },
      ...{ credits: event.credits, quantity: event.quantity, previousSecret: false },
      plan: event.payload.plan,
      keyVersion: event.payload.keyVersion,
      accountVersion: Number(account?.version),
    },
    who,
  )
  if (verdict !== 'ok') yield `it would be refused: ${verdict}`
  yield* grantsMissing(state, who)
  const drawn = draw(drawableLots(state, who), event.credits)
  if (drawn.left > 0) yield 'there are credits enough'
  if (!same(drawn.lots, event.lots) || !same(drawn.taken, event.moved))
    yield 'lots are drawn in order'
  yield* brokenBudgets(
    event,
    spansOf(state, { kind: 'hold', requestId, ...call } as CallCommand, who),
  )
}

function callOf({ request_id, account_id, key_id, mode, endpoint, tariff }: LogEvent) {
  return {
    ...{ requestId: request_id, accountId: account_id, keyId: key_id ?? '' },
    ...{ mode: mode as 'live' | 'test', endpoint, tariff, actor: '' },
  }
}

function* brokenByResolution(state: State, event: LogEvent): Generator<string> {
  const hold = state.open_holds.get(`${event.request_id} ${event.shard}`)
  if (!hold) return yield 'the hold is open'
  const held = hold.held as number[]
  const settled = event.type === 'HoldSettled'
  for (const column of ['account_id', 'key_id', 'mode'] as const) {
    if (hold[column] !== event[column]) yield `the ${column} is the hold’s`
  }
  if (event.slots !== hold.slots) yield 'as many slots are free again as were held'
  if (settled && hold.slots !== null) yield 'a lease is not charged itself'
  if (event.occurred_at !== hold.held_at) yield 'it counts at the time of the hold'
  if (settled && event.credits > Number(hold.credits)) yield 'no more is charged than was held'
  if (!settled && event.credits !== hold.credits) yield 'all of the hold is freed'
  const isExpired = event.type === 'HoldExpired' || event.payload.terminatedBy === 'gateway'
  if (isExpired && event.recorded_at < Number(hold.expires_at)) yield 'its time is over'
  const sent = Number(hold.sent_credits)
  if (isExpired && (settled ? event.credits : 0) !== sent)
    yield 'what was sent is charged when a hold expires'
  if (isExpired && settled && event.quantity !== hold.sent_quantity)
    yield 'as much is counted as was sent'
  yield* brokenBudgets(event, hold.budgets ? JSON.parse(String(hold.budgets)) : undefined)
  if (!same(event.lots, hold.lots)) yield 'the lots are those of the hold'
  if (
    !same(
      event.held,
      held.map((credits) => -credits),
    )
  )
    yield 'nothing stays held'
  if (!settled) return
  let left = event.credits
  const used = held.map((credits) => {
    const take = Math.min(credits, left)
    left -= take
    return take
  })
  if (!same(event.moved, used)) yield 'what was used comes off the lots as they were drawn'
}

function* brokenByGrant(state: State, event: LogEvent): Generator<string> {
  if (event.payload.kind === 'trial') return yield* brokenByTrial(state, event)
  if (event.payload.kind === 'overage') return yield* brokenByOverage(state, event)
  if (event.payload.kind !== 'allowance') return
  if (event.credits !== allowanceDue(state, whose(event)))
    yield 'the allowance is what the plan gives'
  if (micros(event.payload.startsAt) !== startOfMonth(event.recorded_at)) yield 'it is the month’s'
  const { rollover } = planAt(state, whose(event)) ?? {}
  const { max, months = 0 } = (rollover ?? {}) as { max?: number; months?: number }
  let end = startOfMonth(event.recorded_at)
  for (let month = 0; month <= months; month++) end = startOfMonth(end + 32 * dayMicros)
  if (micros(event.payload.expiresAt) !== end)
    yield 'it ends with the month, or as much later as it rolls over'
  if (event.payload.rollover?.max !== max) yield 'so much rolls over as the plan says'
}

function* brokenByOverage(state: State, event: LogEvent): Generator<string> {
  const { max, ...terms } = overageTerms(state, whose(event)) ?? {}
  if (event.credits !== overageDue(state, whose(event)) || event.credits !== max)
    yield 'overage is what the plan gives, once a month'
  if (debtOf(state, whose(event)) > 0) yield 'overage is given while nothing is owed'
  if (!Bun.deepEquals(event.payload.overage, terms)) yield 'it is billed as the plan says'
  const start = startOfMonth(event.recorded_at)
  const end = startOfMonth(start + 32 * dayMicros)
  if (micros(event.payload.startsAt) !== start || micros(event.payload.expiresAt) !== end)
    yield 'overage is the month’s'
}

function* brokenByTrial(state: State, event: LogEvent): Generator<string> {
  const trial = trialDue(state, whose(event))
  if (event.credits !== trial?.credits) yield 'a trial is what the plan gives, once'
  const [starts, ends] = [micros(event.payload.startsAt), micros(event.payload.expiresAt)]
  if (starts !== event.recorded_at) yield 'a trial begins with its plan'
  if (ends !== event.recorded_at + Number(trial?.days) * dayMicros) yield 'a trial ends in time'
  const taken = planTaken(state, whose(event))
  if (Number(taken?.starts_at) > event.recorded_at) yield 'a trial is of a plan that began'
}

function* brokenByAdjustment(
  state: State,
  event: LogEvent,
  before: LogEvent | undefined,
): Generator<string> {
  const debt = debtOf(state, whose(event))
  let lots = ownLots(state, whose(event))
  if (event.payload.repaysDebt) {
    if (owes(state, before)) lots = [state.lots.get(`${event.position - 1} ${event.shard}`) as Row]
    if (event.credits !== Math.min(debt, sumOfFree(lots)))
      yield 'a new lot, or else what is free of live ones, pays the debt'
  } else if (debt > 0) yield 'what is free repays a debt before more is taken'
  const drawn = draw(lots, event.credits)
  if (!same(drawn.lots, event.lots) || !same(drawn.taken, event.moved))
    yield 'credits are taken in draw order'
}

function* brokenByLapse(state: State, event: LogEvent): Generator<string> {
  const { lot, credits } = lapseDue(state, whose(event)) ?? {}
  if (!same(event.lots, [lot]) || !same(event.moved, [credits]) || event.credits !== credits)
    yield 'what lapses is what does not roll over'
}

/** The first thing that an append does to an account is to let lapse what does not roll over. */
function* lapseMissing(
  state: State,
  event: LogEvent,
  touched: Map<string, Micros>,
): Generator<string> {
  if (event.lots === null || event.type === 'CreditsLapsed' || event.payload.repaysDebt) return
  const account = `${event.account_id} ${event.mode}`
  if (event.recorded_at > (touched.get(account) ?? 0) && lapseDue(state, whose(event)))
    yield 'what does not roll over lapses first'
  touched.set(account, event.recorded_at)
}

/** Nothing is bought with credits that are owed: after every purchase, more is free than is owed. */
function* purchaseOnDebt(state: State, event: LogEvent): Generator<string> {
  const draws = event.type === 'CreditsHeld' || event.type === 'HoldExtended'
  const isPurchase = draws || (event.type === 'HoldSettled' && event.payload.lease)
  if (!isPurchase || event.credits === 0) return
  const left = freeLessDebt(state, whose(event))
  if (left < 0) yield `${-left} credits that are owed were bought with`
}

function* brokenByRefund(
  event: LogEvent,
  charge: LogEvent | undefined,
  earlier: readonly LogEvent[],
): Generator<string> {
  if (!charge) return yield 'there is a charge'
  const back = new Map<number, number>()
  for (const { lots, moved } of [...earlier, event]) {
    for (const [i, lot] of (lots ?? []).entries()) {
      back.set(lot, (back.get(lot) ?? 0) + (moved?.[i] ?? 0))
    }
  }
  const sum = [...back.values()].reduce((a, b) => a + b, 0)
  if (sum > charge.credits) yield 'no more is given back than was charged'
  yield* brokenBudgets(event, charge.payload.budgets)
  if (micros(event.payload.chargedAt) !== charge.occurred_at) yield 'it says when it was charged'
  // Reverse draw order: of all that was given back so far, a lot has some only when all later ones are full.
  let left = sum
  const expected = (charge.lots ?? []).map((lot, i) => [lot, charge.moved?.[i] ?? 0]).reverse()
  for (const [lot = 0, moved = 0] of expected) {
    const share = Math.min(moved, left)
    left -= share
    if ((back.get(lot) ?? 0) !== share) yield 'it goes back to the lots, the last drawn first'
  }
}

function* negative(state: State, event: LogEvent): Generator<string> {
  for (const lot of event.lots ?? []) {
    const row = state.lots.get(`${lot} ${event.shard}`)
    if (!row) yield 'the lot was granted'
    else if (freeOf(row) < 0 || Number(row.held) < 0) yield 'no balance is negative'
  }
  const balance = balanceOf(state, whose(event))
  if (Number(balance?.debt ?? 0) < 0 || Number(balance?.open_holds ?? 0) < 0)
    yield 'no balance is negative'
}

/** Whether a lot was granted just before to an account that owes. */
function owes(state: State, before: LogEvent | undefined): boolean {
  return before?.type === 'CreditsGranted' && debtOf(state, whose(before)) > 0
}

function whose({ shard, account_id, mode, recorded_at: now }: LogEvent): Who {
  return { shard, account_id, mode, now }
}

export function freeOf(lot: Row): number {
  const [granted, refunded, adjusted, settled, lapsed, held] = [
    ...['granted', 'refunded', 'adjusted', 'settled', 'lapsed', 'held'].map((column) =>
      Number(lot[column]),
    ),
  ] as [number, number, number, number, number, number]
  return granted + refunded - adjusted - settled - lapsed - held
}

/** Lots that can be drawn from, as they are drawn: allowance, then what expires first, then the oldest, and overage last. */
export function liveLots(state: State, { account_id, mode, now }: Who): Row[] {
  const rank = (lot: Row) => (lot.kind === 'allowance' ? 0 : isOverage(lot) ? 2 : 1)
  return [...state.lots.values()]
    .filter((lot) => lot.account_id === account_id && lot.mode === mode)
    .filter((lot) => Number(lot.starts_at) <= now && now < Number(lot.expires_at))
    .sort((a, b) => {
      const expiry =
        Number(a.expires_at) === Number(b.expires_at)
          ? 0
          : Number(a.expires_at) - Number(b.expires_at)
      return rank(a) - rank(b) || expiry || Number(a.lot) - Number(b.lot)
    })
}

export function draw(lots: readonly Row[], credits: number) {
  let left = credits
  const drawn: number[] = []
  const taken: number[] = []
  for (const lot of lots) {
    const take = Math.min(freeOf(lot), left)
    if (take <= 0) continue
    left -= take
    drawn.push(Number(lot.lot))
    taken.push(take)
  }
  return { lots: drawn, taken, left }
}

export function tariffAt(state: State, now: Micros): string | undefined {
  const inForce = [...state.tariffs.values()]
    .filter((tariff) => Number(tariff.effective_from) <= now)
    .sort(
      (a, b) =>
        Number(a.effective_from) - Number(b.effective_from) ||
        Number(a.position) - Number(b.position),
    )
  return inForce.at(-1)?.hash as string | undefined
}

/** What the account's plan gives under the tariff in force. */
export function planAt(state: State, who: Who): Row | undefined {
  const { plan } = planTaken(state, who) ?? {}
  return state.tariff_plans.get(`${tariffAt(state, who.now)} ${plan} ${who.shard}`)
}

function planTaken(state: State, { account_id, now }: Who): Row | undefined {
  return [...state.account_plans.values()]
    .filter((row) => row.account_id === account_id && Number(row.starts_at) <= now)
    .sort((a, b) => Number(a.position) - Number(b.position))
    .at(-1)
}

/** The account's plan, where the tariff in force gives it prices of its own. */
function pricingPlanAt(state: State, who: Who): unknown {
  const plan = planAt(state, who)?.plan
  const hash = tariffAt(state, who.now)
  const tariff = [...state.tariffs.values()].find((row) => row.hash === hash)
  return (tariff?.pricing_plans as string[] | null)?.find((name) => name === plan) ?? null
}

export function allowanceDue(state: State, who: Who): number {
  const balance = balanceOf(state, who)
  const granted = balance?.allowance_month === monthOf(who.now) ? balance.allowance_granted : 0
  return Math.max(allowanceOf(state, who) - Number(granted), 0)
}

/** A prorated plan gives each day's part of the days of its first month that it was there. */
function allowanceOf(state: State, who: Who): number {
  const { credits = 0, monthly_terms } = planAt(state, who) ?? {}
  const takenAt = Number(planTaken(state, who)?.starts_at)
  const { firstMonth } = (monthly_terms ?? {}) as { firstMonth?: string }
  if (firstMonth !== 'prorated' || monthOf(takenAt) !== monthOf(who.now)) return Number(credits)
  const days: number[] = []
  for (let day = startOfMonth(who.now); monthOf(day) === monthOf(who.now); day += dayMicros) {
    days.push(day)
  }
  const had = days.filter((day) => day + dayMicros > takenAt)
  return Math.ceil((Number(credits) * had.length) / days.length)
}

const dayMicros = 86_400_000_000

/** The trial that an account's plan gives in this mode, if none has given one before; a plan that is just taken gives it. */
/**
 * What has to lapse next: of the allowances of earlier months that are good still, the newest says how much of them all is kept, and
 * what expires first goes first.
 */
export function lapseDue(state: State, who: Who): { lot: number; credits: number } | undefined {
  const month = startOfMonth(who.now)
  const rolled = liveLots(state, who).filter(
    (lot) => lot.rollover_max !== null && Number(lot.starts_at) < month,
  )
  const newest = rolled.toSorted((a, b) => Number(b.lot) - Number(a.lot))[0]
  const excess = sumOfFree(rolled) - Number(newest?.rollover_max)
  const first = rolled.find((lot) => freeOf(lot) > 0)
  if (!first || excess <= 0) return undefined
  return { lot: Number(first.lot), credits: Math.min(freeOf(first), excess) }
}

export function trialDue(state: State, who: Who): { credits: number; days: number } | undefined {
  const had = [...state.lots.values()].some(
    (lot) => lot.account_id === who.account_id && lot.mode === who.mode && lot.kind === 'trial',
  )
  const trial = planAt(state, who)?.trial as { credits: number; days: number } | null | undefined
  return had ? undefined : (trial ?? undefined)
}

function startOfMonth(time: Micros): Micros {
  return Date.parse(`${monthOf(time)}T00:00:00Z`) * 1_000
}

function same(a: readonly number[] | null | undefined, b: unknown): boolean {
  return Bun.deepEquals(a ?? [], b ?? [])
}
