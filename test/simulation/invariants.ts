/** What must be true of every run, whatever went wrong in it. */
import { type Budget, nameOfBudget } from '../../events/budget.ts'
import { monthOf } from '../support/log.ts'
import { balanceOf, drawableLots, freeOf, liveLots } from '../support/log-rules.ts'
import { emptyState, evolve } from '../support/oracle.ts'
import type { MemoryEvent, MemoryLedger } from './memory-ledger/memory-ledger.ts'
import type { Plan } from './plan.ts'
import type { Records } from './records.ts'
import { tierAfter } from './shop.ts'

export interface Breach {
  readonly invariant: string
  /** Where it was seen. */
  readonly says: string
}

export function breachesOf(plan: Plan, ledger: MemoryLedger, records: Records): Breach[] {
  const { events } = ledger
  return [
    ...oneOpening(events),
    ...oneCharge(events),
    ...deliveredIsCharged(events, records),
    ...refundedIsNotDelivered(events, records),
    ...nothingIsOwedAndSpent(events),
    ...nothingIsSoldAfterDivergence(records),
    ...nothingIsWrittenBeforeItsTime(ledger, records),
    ...whatIsWholeSells(ledger, records),
    ...everyWaitEnds(records),
    ...neighboursGetReplies(plan, records),
    ...nothingAfterRevocation(events),
    ...noBudgetIsExceeded(events),
    ...noMoreRollsOver(events),
    ...tiersCostWhatTheMonthCosts(events),
    ...overageStops(events),
  ]
}

const mostThatRolls = 2

const breach = (invariant: string) => (says: string) => ({ invariant, says })

function* oneOpening(events: readonly MemoryEvent[]): Generator<Breach> {
  const opened = new Set<string>()
  for (const event of events) {
    const { type, request_id, payload } = event
    const opens = type === 'CreditsHeld' || payload.lease !== undefined
    if (!opens) continue
    if (opened.has(request_id)) {
      yield breach('a request is opened once')(`${request_id} again at ${event.position}`)
    }
    opened.add(request_id)
  }
}

function* oneCharge(events: readonly MemoryEvent[]): Generator<Breach> {
  const charged = new Set<string>()
  for (const { type, request_id, position } of events) {
    if (type !== 'HoldSettled') continue
    if (charged.has(request_id)) {
      yield breach('one charge a request')(`${request_id} again at ${position}`)
    }
    charged.add(request_id)
  }
}

function* deliveredIsCharged(events: readonly MemoryEvent[], { calls, putBacks }: Records) {
  const all = [...events, ...putBacks.flatMap(({ lost }) => lost)]
  const charged = new Set(
    all.filter(({ type }) => type === 'HoldSettled').map(({ request_id }) => request_id),
  )
  for (const { nth, requestId, deliveredMs, isReplay } of calls) {
    if (deliveredMs === undefined || isReplay || charged.has(requestId ?? '')) continue
    yield breach('delivered whole is charged')(`call ${nth}, ${requestId}`)
  }
}

/**
 * What was refunded must never leave. What left may be refunded only if its gateway was fenced before it said so: then it left
 * in the last seconds before a stall, or before its death.
 */
function* refundedIsNotDelivered(
  events: readonly MemoryEvent[],
  { calls, refunds }: Records,
): Generator<Breach> {
  const refunded = new Map(refunds.map(({ requestId, atMs }) => [requestId, atMs]))
  for (const { nth, requestId, deliveredMs } of calls) {
    const atMs = refunded.get(requestId ?? '')
    if (deliveredMs === undefined || atMs === undefined) continue
    if (deliveredMs < atMs && isFencedBefore(events, requestId ?? '')) continue
    yield breach('a refunded response is not delivered')(
      `call ${nth}: refunded at ${atMs} ms, delivered at ${deliveredMs} ms`,
    )
  }
}

/** Whether the gateway that charged the request was fenced before it had said that its response left, and before the refund. */
function isFencedBefore(events: readonly MemoryEvent[], requestId: string): boolean {
  const of = (type: string) => (event: MemoryEvent) =>
    event.type === type && event.request_id === requestId
  const charge = events.find(of('HoldSettled'))
  const refund = events.find(of('ChargeRefunded'))
  return events.some(
    ({ type, payload, position }) =>
      type === 'ProducerFenced' &&
      payload.instance === charge?.instance &&
      payload.deliveredUpTo < (charge?.position ?? 0) &&
      position < (refund?.position ?? 0),
  )
}

/** For every purchase at every prefix: what is free, less the debt, covers it. */
function* nothingIsOwedAndSpent(events: readonly MemoryEvent[]): Generator<Breach> {
  const state = emptyState()
  for (const event of events) {
    const { shard, account_id, mode, recorded_at: now, type, credits, payload, position } = event
    const who = { shard, account_id, mode, now }
    const buys =
      type === 'CreditsHeld' || type === 'HoldExtended' || (type === 'HoldSettled' && payload.lease)
    if (buys) {
      const free = drawableLots(state, who).reduce((sum, lot) => sum + freeOf(lot), 0)
      const debt = Number(balanceOf(state, who)?.debt ?? 0)
      if (credits > 0 && free - debt < credits) {
        yield breach('nothing is bought with credits that are owed')(
          `at ${position}: ${credits} of ${free} free and ${debt} owed`,
        )
      }
    }
    evolve(state, event)
  }
}

/** After the log was put back, a gateway that had seen it further sells nothing before the owner accepts the loss. */
function* nothingIsSoldAfterDivergence({ decisions, putBacks }: Records): Generator<Breach> {
  for (const { atMs, position: end, seen, acceptedMs = Number.POSITIVE_INFINITY } of putBacks) {
    for (const { gateway, requestId, kind, position, verdict, atMs: decidedMs } of decisions) {
      const isBetween = decidedMs > atMs && decidedMs < acceptedMs
      if (!isBetween || verdict !== 'ok' || (seen.get(gateway) ?? 0) <= end) continue
      yield breach('nothing is sold after the log was put back')(
        `${gateway} had seen ${seen.get(gateway)}, and got ${kind} ${requestId} at ${position}`,
      )
    }
  }
}

/** What the ledger takes of a clock that senders' clocks do not confirm. */
const takenMs = 5 * 60_000

/**
 * While the ledger's clock is ahead and the gateways' clocks are not, nothing is sold: an event of a time that has not come
 * would lapse credits and expire holds. A run lasts minutes, and ends with all clocks right.
 */
function* nothingIsWrittenBeforeItsTime(
  { events, clock }: MemoryLedger,
  { putBacks }: Records,
): Generator<Breach> {
  for (const { position, recorded_at } of [...events, ...putBacks.flatMap(({ lost }) => lost)]) {
    if (recorded_at <= clock + takenMs * 1_000) continue
    yield breach('nothing is written before its time')(
      `at ${position}: ${Math.round((recorded_at - clock) / 1_000)} ms after the end of the run`,
    )
  }
}

/** Once all faults are over, and whatever was lost is accepted, every gateway sells again. */
function* whatIsWholeSells({ head }: MemoryLedger, { calls }: Records): Generator<Breach> {
  if (head.divergence !== null) return
  for (const { nth, isLast, deliveredMs, gateway, code } of calls) {
    if (!isLast || deliveredMs !== undefined) continue
    yield breach('what is whole again sells')(`call ${nth} at ${gateway}: ${code ?? 'no response'}`)
  }
}

function* everyWaitEnds({ calls, unended }: Records): Generator<Breach> {
  for (const { nth, endedMs } of calls) {
    if (endedMs === undefined) yield breach('every wait ends')(`call ${nth} never ends`)
  }
  yield* unended.map(breach('every wait ends'))
}

/** Where nothing but a poisoned command is wrong, every other call ends as if nothing were. */
function* neighboursGetReplies({ actions }: Plan, { calls, poisoned }: Records): Generator<Breach> {
  const faults = ['network', 'stop', 'kill', 'ledger-down', 'put-back', 'forget-producers']
  const clocks = ['ledger-clock', 'misread-clock', 'gateway-clock']
  const isHit = actions.some((action) => [...faults, ...clocks].includes(action.do))
  if (poisoned.size !== 1 || isHit) return
  for (const { nth, requestId, code } of calls) {
    if (poisoned.has(requestId ?? '')) continue
    if (code !== 'ledger_unavailable' && code !== 'internal') continue
    yield breach('the neighbours of a poisoned command get their replies')(`call ${nth}: ${code}`)
  }
}

function* nothingAfterRevocation(events: readonly MemoryEvent[]): Generator<Breach> {
  const revoked = new Set<string>()
  for (const { type, key_id, payload, position } of events) {
    if (type === 'KeyRevoked' && key_id) revoked.add(key_id)
    const buys = type === 'CreditsHeld' || type === 'HoldExtended' || payload.lease !== undefined
    if (buys && type !== 'HoldReleased' && revoked.has(key_id ?? '')) {
      yield breach('a revoked key buys nothing')(`${key_id} at ${position}`)
    }
  }
}

/** What is bought at a position is left of the budget that stands there. */
function* noBudgetIsExceeded(events: readonly MemoryEvent[]): Generator<Breach> {
  const budgets = new Map<string, readonly Budget[]>()
  const used = new Map<string, number>()
  for (const { type, account_id, mode, held, credits, payload, position } of events) {
    if (type === 'AccountBudgetsChanged') budgets.set(account_id, payload.budgets)
    if (type === 'AccountBudgetsChanged' || !payload.budgets) continue
    const charged = type === 'HoldSettled' ? credits : type === 'ChargeRefunded' ? -credits : 0
    const change = (held ?? []).reduce((sum, each) => sum + each, charged)
    for (const [name, start] of Object.entries(payload.budgets)) {
      const span = `${account_id} ${mode} ${name} ${start}`
      used.set(span, (used.get(span) ?? 0) + change)
      const budget = budgets.get(account_id)?.find((each) => nameOfBudget(each) === name)
      if (change > 0 && budget && (used.get(span) ?? 0) > budget.credits) {
        yield breach('no budget is exceeded')(`${span} at ${position}`)
      }
    }
  }
}

/** At the first event of an account in a later month, what is left of its allowances is no more than its plan lets roll over. */
function* noMoreRollsOver(events: readonly MemoryEvent[]): Generator<Breach> {
  const state = emptyState()
  const turned = new Set<string>()
  for (const event of events) {
    const { shard, account_id, mode, recorded_at: now, type, lots, position } = event
    const who = { shard, account_id, mode, now }
    const month = `${account_id} ${mode} ${monthOf(now)}`
    if (lots && type !== 'CreditsLapsed' && !turned.has(month)) {
      turned.add(month)
      const left = liveLots(state, who)
        .filter((lot) => lot.rollover_max !== null && monthOf(Number(lot.starts_at)) < monthOf(now))
        .reduce((sum, lot) => sum + freeOf(lot), 0)
      if (left > mostThatRolls) {
        yield breach('no more rolls over than the plan says')(`${left} credits at ${position}`)
      }
    }
    evolve(state, event)
  }
}

/** A month has one lot of overage. It is given and drawn on while nothing is owed, and nothing but calls takes from it. */
function* overageStops(events: readonly MemoryEvent[]): Generator<Breach> {
  const state = emptyState()
  const given = new Set<string>()
  const overages = new Set<number>()
  for (const event of events) {
    const { shard, account_id, mode, recorded_at: now, type, lots, held, payload, position } = event
    const at = (says: string) => breach('overage stops at its most')(`${says} at ${position}`)
    const owes = Number(balanceOf(state, { shard, account_id, mode, now })?.debt ?? 0) > 0
    if (payload.kind === 'overage') {
      const month = `${account_id} ${mode} ${monthOf(now)}`
      if (given.has(month)) yield at('it is given again')
      if (owes) yield at('it is given beside a debt')
      given.add(month)
      overages.add(position)
    } else if (lots?.some((lot) => overages.has(lot))) {
      const draws = type === 'CreditsHeld' || type === 'HoldExtended' || held === null
      if (type === 'CreditsAdjusted') yield at('it is taken away')
      if (owes && draws && type !== 'ChargeRefunded') yield at('it is drawn on beside a debt')
    }
    evolve(state, event)
  }
}

/** Whatever comes in which order, over however many gateways: a call of a month costs what its tier says after those before it. */
function* tiersCostWhatTheMonthCosts(events: readonly MemoryEvent[]): Generator<Breach> {
  const heldIn = new Map<string, string>()
  const volumes = new Map<string, number>()
  for (const event of events) {
    const { type, request_id, endpoint, account_id, mode, recorded_at, payload } = event
    if (type === 'CreditsHeld') heldIn.set(request_id, monthOf(recorded_at))
    if (type !== 'HoldSettled' || endpoint !== 'tiered') continue
    const month = `${account_id} ${mode} ${heldIn.get(request_id) ?? monthOf(recorded_at)}`
    const volume = volumes.get(month) ?? 0
    volumes.set(month, volume + 1)
    if (event.credits === tierAfter(volume) && payload.volume === volume) continue
    yield breach('a tier costs what the month costs')(
      `${event.credits} at ${event.position}, after ${volume} and said to be after ${payload.volume}`,
    )
  }
}
