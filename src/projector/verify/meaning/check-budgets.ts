/**
 * Whether calls count in the budgets that stood, and use no more of them than there was. Where a span begins, the first event that counts
 * in it says: time-zone databases differ, so none is asked here. Spans of a budget must not overlap.
 */
import {
  type Budget,
  budgetsOfKey,
  type KeyBudget,
  namedBudgets,
} from '../../../../events/budget.ts'
import { isOpeningOrNot } from '../../../../events/openings.ts'
import { typeIn } from '../../../../events/type-condition.ts'
import { capUsingTypes } from '../../../../projections/key-caps.ts'
import { type CheckConnection, eventsOf, type Finding, type LogRange } from '../log-check.ts'
import type { LedgerState } from './ledger-state.ts'
import { type Micros, microsOf } from './rare-events.ts'

type Spans = Readonly<Record<string, string>>

interface CallEvent {
  readonly position: number
  readonly type: string
  readonly accountId: string
  readonly keyId: string
  readonly mode: string
  readonly requestId: string
  readonly occurredAt: Micros
  readonly credits: number
  readonly held: readonly number[] | null
  readonly spans: Spans | null
}

export interface BudgetsOfKey {
  readonly budgets: readonly KeyBudget[]
  readonly group: string | null
}

export interface FollowedBudgets {
  /** What stood of an account's budgets after each event that changed them. */
  readonly ofAccounts: Map<
    string,
    { readonly after: number; readonly budgets: readonly Budget[] }[]
  >
  /** The same of keys. */
  readonly ofKeys: Map<string, readonly ({ readonly after: number } & BudgetsOfKey)[]>
  /** What open holds count in, by their request ids. */
  readonly spansOf: Map<string, Spans | null>
  readonly used: Map<string, number>
  /** Where the last span of a budget begins. */
  readonly lastStart: Map<string, Micros>
}

export function newFollowedBudgets(): FollowedBudgets {
  return {
    ofAccounts: new Map(),
    ofKeys: new Map(),
    spansOf: new Map(),
    used: new Map(),
    lastStart: new Map(),
  }
}

/** Events that are read at once. */
const maxEvents = 20_000

export async function checkBudgets(
  { budgets }: LedgerState,
  range: LogRange,
  { sql }: CheckConnection,
): Promise<Finding[]> {
  const accounts = [...budgets.ofAccounts.keys()]
  const findings: Finding[] = []
  let after = range.after
  while (accounts.length > 0) {
    const events = await sql<CallEvent[]>`
      select position, type, account_id as "accountId", key_id as "keyId", mode, coalesce(request_id, '') as "requestId",
        (extract(epoch from occurred_at) * 1000000)::float8 as "occurredAt", coalesce(credits, 0) as credits, held,
        payload -> 'budgets' as spans
      from ${sql.unsafe(eventsOf({ ...range, after }))}
        and account_id = any(${accounts}::text[]) and ${sql.unsafe(typeIn(capUsingTypes))}
      order by position limit ${maxEvents}`
    const charged = await chargedSpans(sql, range, events)
    for (const event of events) {
      const fault = followEvent(budgets, event, charged)
      if (fault !== undefined) findings.push({ position: event.position, fault })
    }
    const last = events.at(-1)
    if (!last || events.length < maxEvents) break
    after = last.position
  }
  return findings
}

/** What the charges count in that these events refund, by their requests. */
async function chargedSpans(
  sql: CheckConnection['sql'],
  { shard }: LogRange,
  events: readonly CallEvent[],
): Promise<ReadonlyMap<string, Spans | null>> {
  const ids = events.flatMap(({ type, requestId }) =>
    type === 'ChargeRefunded' ? [requestId] : [],
  )
  if (ids.length === 0) return new Map()
  const rows = await sql<{ requestId: string; spans: Spans | null }[]>`
    select request_id as "requestId", payload -> 'budgets' as spans from events
    where request_id = any(${ids}::text[]) and shard = ${shard} and type = 'HoldSettled' and ${sql.unsafe(isOpeningOrNot)}`
  return new Map(rows.map(({ requestId, spans }) => [requestId, spans]))
}

function followEvent(
  state: FollowedBudgets,
  event: CallEvent,
  charged: ReadonlyMap<string, Spans | null>,
): string | undefined {
  const { type, requestId, held, spans } = event
  const isRefund = type === 'ChargeRefunded'
  const isOnLease = held === null && !isRefund
  const isPurchase = type === 'CreditsHeld' || (isOnLease && type === 'HoldSettled')
  const before = (isRefund ? charged : state.spansOf).get(requestId)
  if (type === 'CreditsHeld') state.spansOf.set(requestId, spans)
  else if (!isOnLease && type !== 'HoldExtended') state.spansOf.delete(requestId)
  const fault = isPurchase
    ? purchaseFault(state, event)
    : same(spans, isOnLease ? null : (before ?? null))
      ? undefined
      : 'it does not count in the budgets of its call'
  const exceedsBudget = count(state, event, isPurchase || type === 'HoldExtended')
  return fault ?? (exceedsBudget ? 'a budget did not have so much left' : undefined)
}

function purchaseFault(state: FollowedBudgets, event: CallEvent): string | undefined {
  const { accountId, mode, occurredAt, spans } = event
  const budgets = budgetsOfKey(...budgetsThen(state, event))
  const names = [...new Set(budgets.map(({ name }) => name))].sort()
  if (!same(Object.keys(spans ?? {}).sort(), names)) {
    return 'it does not count in the budgets that stood'
  }
  for (const budget of budgets) {
    const name = `${accountId} ${mode} ${budget.name}`
    const start = microsOf(spans?.[budget.name] ?? '')
    const last = state.lastStart.get(name)
    if (last === undefined || start > last) state.lastStart.set(name, start)
    const isIn = start <= occurredAt && occurredAt < start + maxHours[budget.per] * hour
    const follows =
      last === undefined || start === last || start >= last + minHours[budget.per] * hour
    // Clocks of time zones differ by quarters of an hour.
    if (!isIn || !follows || start % (hour / 4) !== 0) {
      return `the ${budget.per} of a budget does not begin there`
    }
  }
  return undefined
}

const hour = 3_600_000_000
/** Clocks are moved by an hour, or two in Antarctica. */
const maxHours = { day: 26, week: 170, month: 746 } as const
const minHours = { day: 22, week: 166, month: 670 } as const

/** Adds what an event changes; returns whether a purchase took more than a budget had. */
function count(state: FollowedBudgets, event: CallEvent, isPurchase: boolean): boolean {
  const { accountId, mode, type, credits, held, spans } = event
  const charged = type === 'HoldSettled' ? credits : type === 'ChargeRefunded' ? -credits : 0
  const change = (held ?? []).reduce((sum, each) => sum + each, charged)
  let exceedsBudget = false
  // What counts in a budget of a group may be of a key that has left it since.
  const budgets = namedBudgets(...budgetsThen(state, event))
  for (const [budget, start] of Object.entries(spans ?? {})) {
    const name = `${accountId} ${mode} ${budget} ${start}`
    const used = (state.used.get(name) ?? 0) + change
    state.used.set(name, used)
    const now = budgets.find((each) => each.name === budget && !each.warnsOnly)
    if (isPurchase && change > 0 && now && used > now.credits) exceedsBudget = true
  }
  return exceedsBudget
}

function budgetsThen(
  { ofAccounts, ofKeys }: FollowedBudgets,
  event: CallEvent,
): Parameters<typeof budgetsOfKey> {
  const { accountId, keyId, position } = event
  const stood = ({ after }: { readonly after: number }) => after < position
  const ofAccount = ofAccounts.get(accountId)?.findLast(stood)?.budgets ?? []
  const ofKey = ofKeys.get(keyId)?.findLast(stood)
  return [ofAccount, { budgets: [], group: null, ...ofKey, keyId }]
}

function same(a: unknown, b: unknown): boolean {
  return Bun.deepEquals(a, b)
}
