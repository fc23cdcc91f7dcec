/**
 * The oracle: what a log means, folded event by event in TypeScript, from the meaning of the events and
 * not from the projections' SQL. What it says and what the projections' tables hold must be the same rows.
 */
import { canonicalJson } from '../../events/canonical-json.ts'
import { typesWith } from '../../events/event-types.ts'
import { dayOf, hourOf, type LogEvent, micros, monthOf } from './log.ts'

export type Row = Record<string, unknown>
/** Rows by the text of their primary key. */
export type Table = Map<string, Row>
export type TableName = keyof typeof tables
export type State = Readonly<Record<TableName, Table>>

/** The tables of all projections with their primary keys. */
export const tables = {
  tariffs: ['position', 'shard'],
  tariff_plans: ['hash', 'plan', 'shard'],
  tariff_tiers: ['hash', 'endpoint', 'plan', 'shard'],
  account_state: ['account_id', 'shard'],
  account_plans: ['account_id', 'position', 'shard'],
  account_notes: ['account_id', 'position', 'shard'],
  key_state: ['key_id', 'shard'],
  operator_keys: ['operator_key_id', 'shard'],
  lots: ['lot', 'shard'],
  open_holds: ['hold_id', 'shard'],
  balances: ['account_id', 'mode', 'shard'],
  claims: ['key_id', 'claim', 'shard'],
  capped_keys: ['key_id', 'shard'],
  cap_usage: ['key_id', 'month', 'shard'],
  budget_use: ['account_id', 'mode', 'budget', 'starts_at', 'shard'],
  monthly_volumes: ['account_id', 'mode', 'endpoint', 'component', 'month', 'shard'],
  monthly_balances: ['account_id', 'key_id', 'mode', 'month', 'shard'],
  cap_starts: ['key_id', 'shard'],
  daily_usage: ['key_id', 'day', 'endpoint', 'shard'],
  daily_refusals: ['key_id', 'day', 'endpoint', 'reason', 'shard'],
  hourly_usage: ['hour', 'mode', 'endpoint', 'outcome', 'reason', 'shard'],
  account_hourly_usage: [
    ...(['account_id', 'mode', 'hour', 'key_id', 'endpoint'] as const),
    ...(['model', 'outcome', 'reason', 'shard'] as const),
  ],
  daily_lots: ['account_id', 'mode', 'day', 'lot', 'shard'],
} as const

export function emptyState(): State {
  const entries = Object.keys(tables).map((name) => [name, new Map()])
  return Object.fromEntries(entries) as State
}

/** The state after a whole log. */
export function fold(events: readonly LogEvent[]): State {
  const state = emptyState()
  for (const event of events) evolve(state, event)
  return state
}

/** They can count against a key's cap. */
const capUsingTypes: readonly string[] = [...typesWith('hold'), ...typesWith('moves', 'refunded')]

/** They move no state. */
const ledgerTypes: readonly string[] = typesWith('stream', 'ledger')
const operatorTypes: readonly string[] = typesWith('stream', 'operators')

/** One event's consequences. */
export function evolve(state: State, event: LogEvent): void {
  countHour(state, event)
  if (event.type === 'TariffPublished') publish(state, event)
  else if (ledgerTypes.includes(event.type)) return
  else if (operatorTypes.includes(event.type)) changeOperatorKey(state, event)
  // Opening figures of another service move nothing.
  else if (event.type === 'UsageImported') countDay(state, event)
  else if (event.type === 'CallsRefused') countRefusals(state, event)
  else if (event.stream_version === null) moveCredits(state, event)
  else if (event.key_id === null) changeAccount(state, event)
  else changeKey(state, event)
}

function publish(state: State, { shard, position, payload }: LogEvent): void {
  const { hash, from, notice = null, plans, prices, credits, packs } = payload
  const effective_from = micros(from)
  const names = Object.keys(plans).sort()
  const pricing = names.filter((plan) => 'prices' in plans[plan])
  put(state, 'tariffs', {
    shard,
    position,
    hash,
    effective_from,
    notice,
    content: { plans, prices, ...(credits && { credits }), ...(packs && { packs }) },
    pricing_plans: pricing.length > 0 ? pricing : null,
    plans: names,
    plan_credits: names.map((name) => (monthlyTerms(plans[name]) ? null : plans[name].credits)),
    plan_max_in_flight: names.map((name) => plans[name].maxInFlight),
  })
  for (const [plan, terms] of Object.entries<Row>(plans)) {
    const { credits, maxInFlight: max_in_flight, trial = null, rollover = null } = terms
    const monthly_terms = monthlyTerms(terms)
    put(state, 'tariff_plans', {
      ...{ hash, plan, shard, credits, max_in_flight },
      ...{ trial, rollover, monthly_terms },
    })
  }
  for (const [endpoint, price] of Object.entries(prices)) {
    publishTiers(state, { hash, endpoint, plan: '', shard }, price)
  }
  for (const [plan, terms] of Object.entries<Row>(plans)) {
    for (const [endpoint, price] of Object.entries((terms.prices as Row | undefined) ?? {})) {
      publishTiers(state, { hash, endpoint, plan, shard }, price)
    }
  }
}

/** What decides beside a plan's credits what it gives a month; null: nothing does. */
function monthlyTerms({ firstMonth, overage }: Row): Row | null {
  const terms = {
    ...(firstMonth === 'prorated' && { firstMonth }),
    ...(overage !== undefined && { overage }),
  }
  return Object.keys(terms).length > 0 ? terms : null
}

/** The tiers of a route's price, or of a plan's own. */
function publishTiers(state: State, id: Row, price: unknown): void {
  for (const { name: component = '', tiers } of [price].flat() as Row[]) {
    if (tiers === undefined) continue
    const each = tiers as { upTo?: number; credits?: number; perMillion?: number }[]
    put(state, 'tariff_tiers', {
      ...{ ...id, component, up_to: each.map(({ upTo }) => upTo ?? null) },
      rates: each.map(({ credits, perMillion }) =>
        credits === undefined ? perMillion : credits * 1_000_000,
      ),
    })
  }
}

function changeOperatorKey(state: State, event: LogEvent): void {
  const { shard, position, payload, recorded_at, type } = event
  const id = { operator_key_id: payload.id, shard }
  const key = row(state, 'operator_keys', id, { version: 0 })
  Object.assign(key, { version: Number(key.version) + 1, position, updated_at: recorded_at })
  if (type === 'OperatorKeyRevoked') {
    Object.assign(key, { revoked_at: recorded_at, previous_hash: null, previous_until: null })
    return
  }
  const { hash, display, expiresAt } = payload
  Object.assign(key, { hash, display, expires_at: micros(expiresAt) })
  if (type === 'OperatorKeyIssued') {
    const { name, role } = payload
    Object.assign(key, { name, role, created_at: recorded_at })
    Object.assign(key, { revoked_at: null, previous_hash: null, previous_until: null })
    return
  }
  const { previousHash, previousUntil } = payload
  key.previous_hash = previousHash
  key.previous_until = previousUntil === null ? null : micros(previousUntil)
}

function changeAccount(state: State, event: LogEvent): void {
  const { shard, account_id, position, payload, recorded_at } = event
  const account = row(state, 'account_state', { account_id, shard })
  Object.assign(account, { version: event.stream_version, position })
  switch (event.type) {
    case 'AccountOpened':
      Object.assign(account, {
        owner_kind: payload.owner.kind,
        owner_id: payload.owner.id,
        rate_limit: null,
        max_in_flight: null,
        frozen: false,
        erased: false,
        budgets: null,
        private: null,
        opened_at: recorded_at,
      })
      for (const mode of ['live', 'test']) {
        put(state, 'balances', {
          account_id,
          mode,
          shard,
          ...noBalance(),
          plans: [],
          plan_starts: [],
        })
      }
      break
    case 'PlanStarted': {
      const { plan, from } = payload
      const starts_at = micros(from)
      put(state, 'account_plans', { account_id, shard, position, plan, starts_at })
      for (const balance of balancesOf(state, account_id, shard)) takePlan(balance, plan, starts_at)
      break
    }
    case 'AccountLimitsChanged':
      account.rate_limit = payload.rateLimit
      account.max_in_flight = payload.maxInFlight
      break
    case 'AccountBudgetsChanged':
      account.budgets = payload.budgets
      break
    case 'AccountDescribed':
      account.private = event.private
      break
    case 'AccountNoted':
      put(state, 'account_notes', { account_id, shard, position })
      break
    case 'AccountFrozen':
      account.frozen = true
      break
    case 'AccountUnfrozen':
      account.frozen = false
      break
    case 'AccountErased':
      account.erased = true
      break
  }
  const { version, frozen, erased, max_in_flight, budgets } = account
  for (const balance of balancesOf(state, account_id, shard)) {
    Object.assign(balance, { version, frozen, erased, max_in_flight, budgets })
  }
}

function balancesOf(state: State, account_id: string | null, shard: number): Row[] {
  return ['live', 'test'].map((mode) => row(state, 'balances', { account_id, mode, shard }))
}

/** Whatever starts at the same time or later than the plan is not to come any more. */
function takePlan(balance: Row, plan: string, starts_at: unknown): void {
  const [plans, starts] = [balance.plans as string[], balance.plan_starts as unknown[]]
  const kept = starts.filter((start) => Number(start) < Number(starts_at)).length
  Object.assign(balance, {
    plans: [...plans.slice(0, kept), plan],
    plan_starts: [...starts.slice(0, kept), starts_at],
  })
}

function changeKey(state: State, event: LogEvent): void {
  const { shard, key_id, position, payload, recorded_at, type } = event
  const key = row(state, 'key_state', { key_id, shard })
  Object.assign(key, { version: event.stream_version, position, updated_at: recorded_at })
  if (type === 'KeyIssued' || type === 'KeyImported') {
    const { account_id, mode } = event
    const created_at = type === 'KeyIssued' ? recorded_at : micros(payload.createdAt)
    const enabled = type === 'KeyIssued' ? true : payload.enabled
    Object.assign(key, { account_id, mode, created_at, enabled, revoked_at: null })
    Object.assign(key, { previous_hash: null, previous_until: null, private: null })
    Object.assign(key, { budgets: null, key_group: null })
  }
  if (['KeyIssued', 'KeyImported', 'KeyUpdated'].includes(type) && event.private !== null) {
    key.private = event.private
  }
  if (type === 'KeyEnabled') key.enabled = true
  if (type === 'KeyDisabled') key.enabled = false
  if (type === 'KeyRevoked') {
    Object.assign(key, { revoked_at: recorded_at, previous_hash: null, previous_until: null })
  }
  const take = (column: string, field: string, read: (value: unknown) => unknown = (v) => v) => {
    if (field in payload) key[column] = payload[field] === null ? null : read(payload[field])
  }
  take('hash', 'hash')
  take('display', 'display')
  take('previous_hash', 'previousHash')
  take('previous_until', 'previousUntil', micros)
  take('endpoints', 'endpoints')
  take('rate_limit', 'rateLimit')
  take('monthly_cap', 'monthlyCap')
  take('budgets', 'budgets')
  take('key_group', 'group')
  // From here on, what the key uses counts against a cap, also while it has none again.
  if (key.monthly_cap !== null && !state.capped_keys.has(keyOf('capped_keys', { key_id, shard }))) {
    const { account_id } = event
    put(state, 'capped_keys', { key_id, shard, account_id, position })
    put(state, 'cap_starts', { key_id, shard, account_id, position })
  }
  take('expires_at', 'expiresAt', micros)
}

function moveCredits(state: State, event: LogEvent): void {
  const { shard, account_id, mode, type, credits, payload } = event
  moveLotsOfDay(state, event)
  event.lots?.forEach((lot, i) => {
    const touched = row(state, 'lots', { lot, shard })
    const [held, moved] = [event.held?.[i] ?? 0, event.moved?.[i] ?? 0]
    add(touched, 'held', held)
    const counted = {
      HoldSettled: 'settled',
      ChargeRefunded: 'refunded',
      CreditsAdjusted: 'adjusted',
      CreditsLapsed: 'lapsed',
    }
    const column = counted[type as keyof typeof counted]
    if (column) add(touched, column, moved)
    const freed = column === 'refunded' ? moved : column ? -moved : 0
    add(touched, 'free', freed - held)
  })
  const balance = (): Row => row(state, 'balances', { account_id, mode, shard }, noBalance())
  switch (type) {
    case 'CreditsGranted': {
      const { kind, startsAt, expiresAt = 'infinity', rollover } = payload
      const [starts_at, expires_at] = [micros(startsAt), micros(expiresAt)]
      put(state, 'lots', {
        ...{ lot: event.position, shard, account_id, mode, kind, starts_at, expires_at },
        ...{ granted: credits, adjusted: 0, held: 0, settled: 0, refunded: 0, lapsed: 0 },
        ...{ free: credits, rollover_max: rollover?.max ?? null },
      })
      const account = balance()
      if (rollover || kind === 'overage') {
        account.terms_until = Math.max(Number(account.terms_until ?? 0), expires_at)
      }
      if (kind !== 'allowance') break
      const month = monthOf(event.recorded_at)
      if (account.allowance_month !== month) account.allowance_granted = 0
      account.allowance_month = month
      add(account, 'allowance_granted', credits)
      break
    }
    case 'DebtRecorded':
      add(balance(), 'debt', credits)
      break
    case 'CreditsAdjusted':
      if (payload.repaysDebt) add(balance(), 'debt', -credits)
      break
    case 'CreditsHeld': {
      const { key_id, endpoint, tariff, quantity, slots, instance, lots, held, position } = event
      put(state, 'open_holds', {
        ...{
          hold_id: event.request_id,
          shard,
          position,
          account_id,
          key_id,
          mode,
          endpoint,
          tariff,
        },
        ...{ credits, quantity, slots, held_at: event.recorded_at, instance, lots, held },
        expires_at: event.recorded_at + payload.holdSeconds * 1_000_000,
        ...{ sent_credits: null, sent_quantity: null },
        // In the order of the names, as it is written; the log is read as jsonb, which has another.
        budgets: payload.budgets ? canonicalJson(payload.budgets) : null,
      })
      add(balance(), 'open_holds', event.slots ?? 1)
      const { claim, requestHash: request_hash } = payload
      if (claim) {
        const hold_id = event.request_id
        put(state, 'claims', { key_id, claim, shard, account_id, request_hash, hold_id, position })
      }
      break
    }
    case 'HoldExtended': {
      const hold = state.open_holds.get(keyOf('open_holds', { hold_id: event.request_id, shard }))
      // A log that extends what is not open is wrong, and is still followed to its end.
      if (!hold) break
      add(hold, 'credits', credits)
      add(hold, 'quantity', event.quantity)
      const until = event.recorded_at + payload.holdSeconds * 1_000_000
      hold.expires_at = Math.max(Number(hold.expires_at), until)
      const [lots, held] = [[...(hold.lots as number[])], [...(hold.held as number[])]]
      event.lots?.forEach((lot, i) => {
        const at = lots.includes(lot) ? lots.indexOf(lot) : lots.push(lot) - 1
        held[at] = (held[at] ?? 0) + (event.held?.[i] ?? 0)
      })
      Object.assign(hold, { lots, held })
      for (const [column, sent] of [
        ['sent_credits', payload.sentCredits],
        ['sent_quantity', payload.sentQuantity],
      ] as const) {
        if (sent !== undefined) hold[column] = Math.max(Number(hold[column]), sent)
      }
      break
    }
    case 'HoldSettled':
    case 'HoldReleased':
    case 'HoldExpired':
      // What ran on a lease leaves it as it is.
      if (payload.lease) break
      state.open_holds.delete(keyOf('open_holds', { hold_id: event.request_id, shard }))
      add(balance(), 'open_holds', -(event.slots ?? 1))
      break
  }
  countMonth(state, event)
  countDay(state, event)
  countInBudgets(state, event)
  countVolume(state, event)
}

/** An event names the budgets that it counts in, and their spans. */
function countInBudgets(state: State, event: LogEvent): void {
  const { shard, account_id, mode, type, credits, held, payload } = event
  const spans = Object.entries<string>(payload.budgets ?? {})
  const charged = { HoldSettled: credits, ChargeRefunded: -credits }[type] ?? 0
  const used = (held ?? []).reduce((sum, change) => sum + change, charged)
  for (const [budget, start] of spans) {
    const id = { account_id, mode, budget, starts_at: micros(start), shard }
    add(row(state, 'budget_use', id, { used: 0 }), 'used', used)
  }
}

/** What was charged by tiers is the month's volume of it, refunded or not. */
function countVolume(state: State, event: LogEvent): void {
  const { shard, account_id, mode, endpoint, type, payload, quantity } = event
  if (type !== 'HoldSettled' || payload.volume === undefined) return
  const component = payload.volumeOf ?? ''
  const month = monthOf(event.occurred_at)
  const id = { account_id, mode, endpoint, component, month, shard }
  const counted = component === '' ? Number(quantity) : payload.parts[component]
  add(row(state, 'monthly_volumes', id, { volume: 0 }), 'volume', counted)
}

function countMonth(state: State, event: LogEvent): void {
  const { shard, account_id, mode, type, credits } = event
  const month = monthOf(event.occurred_at)
  const id = { account_id, key_id: event.key_id ?? '', mode, month, shard }
  const sums = row(state, 'monthly_balances', id, noMonth())
  const held = (event.held ?? []).reduce((sum, change) => sum + change, 0)
  add(sums, 'held', held)
  let used = held
  if (type === 'CreditsGranted') add(sums, 'granted', credits)
  if (type === 'CreditsAdjusted') add(sums, 'adjusted', credits)
  if (type === 'CallsCounted') add(sums, 'calls', event.quantity)
  if (type === 'HoldSettled') {
    add(sums, 'calls', 1)
    add(sums, 'settled', credits)
    used += Number(credits)
  }
  if (type === 'ChargeRefunded') {
    add(sums, 'refunded', credits)
    // What was charged in another month counts against no cap of this one.
    if (monthOf(micros(event.payload.chargedAt)) === month) used -= Number(credits)
  }
  if (event.key_id === null) return
  const ofKey = { key_id: event.key_id, shard }
  if (!state.capped_keys.has(keyOf('capped_keys', ofKey))) add(sums, 'used_before_cap', used)
  else if (!capUsingTypes.includes(type)) return
  else add(row(state, 'cap_usage', { ...ofKey, month }, { account_id, used: 0 }), 'used', used)
}

function countDay(state: State, event: LogEvent): void {
  const { shard, account_id, key_id, mode, endpoint, slots, type, payload } = event
  const ofCalls = ['HoldSettled', 'HoldReleased', 'HoldExpired', 'CallsCounted', 'UsageImported']
  // A lease is no call, and neither is its end.
  if (!ofCalls.includes(type) || slots !== null) return
  const day = dayOf(event.occurred_at)
  const id = { key_id, day, endpoint, shard }
  const usage = row(state, 'daily_usage', id, { account_id, mode, ...noUsage() })
  const imported = type === 'UsageImported'
  const counted = type === 'CallsCounted' || imported
  const settled = type === 'HoldSettled'
  add(usage, 'requests', counted ? event.quantity : 1)
  add(usage, 'errors', counted ? payload.errors : settled ? 0 : 1)
  add(usage, 'credits', settled || imported ? event.credits : 0)
  // What it counted was not imported, only that it was called.
  add(usage, 'quantity', (counted && !imported) || settled ? event.quantity : 0)
  add(usage, 'latency_ms_sum', counted ? payload.latencyMsSum : (event.latency_ms ?? 0))
  usage.last_used_at = Math.max(Number(usage.last_used_at), event.occurred_at)
}

function countRefusals(state: State, event: LogEvent): void {
  const { shard, account_id, key_id, mode, endpoint, payload, quantity, occurred_at } = event
  const { reason } = payload
  const id = { key_id, day: dayOf(occurred_at), endpoint, reason, shard }
  const begin = { account_id, mode, calls: 0, last_refused_at: 0 }
  const refusals = row(state, 'daily_refusals', id, begin)
  add(refusals, 'calls', quantity ?? 0)
  refusals.last_refused_at = Math.max(Number(refusals.last_refused_at), occurred_at)
}

const outcomes: Readonly<Record<string, string>> = {
  ...{ HoldSettled: 'charged', HoldReleased: 'failed', HoldExpired: 'failed' },
  ...{ CallsCounted: 'free', CallsRefused: 'refused', UsageImported: 'imported' },
}
const latencyBounds = [25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000]

function countHour(state: State, event: LogEvent): void {
  const { shard, account_id, key_id, mode, endpoint, slots, type, payload, latency_ms } = event
  const outcome = outcomes[type]
  if (outcome === undefined || slots !== null) return
  const hour = hourOf(event.occurred_at)
  const isReasoned = type === 'HoldReleased' || type === 'CallsRefused'
  const reason = isReasoned ? payload.reason : type === 'HoldExpired' ? 'expired' : ''
  const isServed = type === 'CallsCounted' || type === 'UsageImported'
  const figures = {
    calls: isServed || type === 'CallsRefused' ? event.quantity : 1,
    errors: isServed ? payload.errors : 0,
    credits: type === 'HoldSettled' || type === 'UsageImported' ? event.credits : 0,
  }
  const id = { hour, mode, endpoint, outcome, reason, shard }
  const none = { calls: 0, errors: 0, credits: 0 }
  const noTimes = Object.fromEntries(latencyBounds.map((bound) => [`within_${bound}_ms`, 0]))
  const all = row(state, 'hourly_usage', id, { ...none, ...noTimes, timed: 0 })
  const model = type === 'HoldSettled' ? (payload.by ?? '') : ''
  const ofAccount = { ...id, account_id, key_id, model }
  const own = row(state, 'account_hourly_usage', ofAccount, { ...none, quantity: 0 })
  for (const [name, figure] of Object.entries(figures)) {
    add(all, name, figure)
    add(own, name, figure)
  }
  if (type === 'HoldSettled' || type === 'CallsCounted') add(own, 'quantity', event.quantity)
  if (latency_ms === null) return
  add(all, 'timed', 1)
  for (const bound of latencyBounds) {
    if (latency_ms <= bound) add(all, `within_${bound}_ms`, 1)
  }
}

function moveLotsOfDay(state: State, event: LogEvent): void {
  const { shard, account_id, mode, type } = event
  const columns = {
    ...{ HoldSettled: 'settled', ChargeRefunded: 'refunded', CreditsAdjusted: 'adjusted' },
    CreditsLapsed: 'lapsed',
  }
  const column = columns[type as keyof typeof columns]
  if (!column) return
  event.lots?.forEach((lot, i) => {
    const moved = event.moved?.[i] ?? 0
    if (moved === 0) return
    const id = { account_id, mode, day: dayOf(event.recorded_at), lot, shard }
    add(row(state, 'daily_lots', id, { ...noneMoved }), column, moved)
  })
}

const noneMoved = { settled: 0, refunded: 0, adjusted: 0, lapsed: 0 }
const noBalance = () => ({
  ...{ open_holds: 0, debt: 0, allowance_month: null, allowance_granted: 0 },
  terms_until: null,
})
const noMonth = () => ({
  calls: 0,
  granted: 0,
  adjusted: 0,
  held: 0,
  settled: 0,
  refunded: 0,
  used_before_cap: 0,
})
const noUsage = () => ({
  requests: 0,
  errors: 0,
  credits: 0,
  quantity: 0,
  latency_ms_sum: 0,
  last_used_at: 0,
})

export function keyOf(table: TableName, columns: Row): string {
  return tables[table].map((column) => columns[column]).join(' ')
}

function put(state: State, table: TableName, columns: Row): void {
  state[table].set(keyOf(table, columns), columns)
}

/** The row of that key, begun with these columns when there is none. */
function row(state: State, table: TableName, id: Row, begin: Row = {}): Row {
  const key = keyOf(table, id)
  const found = state[table].get(key) ?? { ...id, ...begin }
  state[table].set(key, found)
  return found
}

function add(columns: Row, column: string, amount: number): void {
  columns[column] = Number(columns[column]) + amount
}
