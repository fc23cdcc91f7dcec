/**
 * What must be true of any log, event by event: the decisions of the book made again, from the state that
 * the oracle had before each event, by the rules as a customer would be told them.
 */
import { type LogEvent, type Micros, micros, monthOf } from './log.ts'
import { emptyState, evolve, type Row, type State } from './oracle.ts'

/** Every breach of a rule, with the position where it stands; empty for a sound log. */
export function breachesOf(log: readonly LogEvent[]): string[] {
  const breaches: string[] = []
  const state = emptyState()
  const charges = new Map<string, LogEvent>()
  const refunds = new Map<string, LogEvent[]>()
  let before: LogEvent | undefined
  for (const event of log) {
    const note = (rule: string) => breaches.push(`${event.position} ${event.type}: ${rule}`)
    if (event.position !== (before?.position ?? 0) + 1) note('positions are consecutive')
    if (before && event.recorded_at < before.recorded_at) note('time does not run backwards')
    for (const rule of broken(state, event, charges, refunds)) note(rule)
    evolve(state, event)
    for (const rule of negative(state, event)) note(rule)
    if (event.type === 'HoldSettled') charges.set(event.request_id, event)
    if (event.type === 'ChargeRefunded') {
      refunds.set(event.request_id, [...(refunds.get(event.request_id) ?? []), event])
    }
    before = event
  }
  return breaches
}

function* broken(
  state: State,
  event: LogEvent,
  charges: ReadonlyMap<string, LogEvent>,
  refunds: ReadonlyMap<string, LogEvent[]>,
): Generator<string> {
  switch (event.type) {
    case 'CreditsHeld':
      return yield* brokenByHold(state, event)
    case 'HoldSettled':
    case 'HoldReleased':
    case 'HoldExpired':
      return yield* brokenByResolution(state, event)
    case 'CreditsGranted':
      return yield* brokenByGrant(state, event)
    case 'CreditsAdjusted':
      return yield* brokenByAdjustment(state, event)
    case 'ChargeRefunded':
      return yield* brokenByRefund(
        event,
        charges.get(event.request_id),
        refunds.get(event.request_id) ?? [],
      )
  }
}

function* brokenByHold(state: State, event: LogEvent): Generator<string> {
  const { shard, account_id, key_id, mode, credits, recorded_at: now } = event
  const account = state.account_state.get(`${account_id} ${shard}`)
  const key = state.key_state.get(`${key_id} ${shard}`)
  const tariff = tariffAt(state, now)
  if (!account || account.frozen || account.erased) yield 'the account may buy'
  if (!key || key.account_id !== account_id || key.mode !== mode) yield 'the key is the account’s'
  if (!key?.enabled || key.revoked_at !== null) yield 'the key may buy'
  if (key?.expires_at != null && Number(key.expires_at) <= now) yield 'the key has not expired'
  if (event.payload.keyVersion !== key?.version) yield 'the gateway knew the key’s version'
  if (event.tariff !== tariff) yield 'the tariff is the one in force'
  if (event.occurred_at !== now) yield 'a hold occurs when it is recorded'
  const most = account?.max_in_flight ?? planAt(state, event)?.max_in_flight ?? 0
  const open = state.balances.get(`${account_id} ${mode} ${shard}`)?.open_holds ?? 0
  if (Number(open) >= Number(most)) yield 'no more holds are open than may be'
  const month = state.monthly_balances.get(
    `${account_id} ${key_id} ${mode} ${monthOf(now)} ${shard}`,
  )
  const cap = key?.monthly_cap
  if (cap != null && Number(month?.cap_used ?? 0) + credits > Number(cap))
    yield 'the key’s cap is kept'
  if (allowanceDue(state, event) > 0) yield 'the month’s allowance was granted first'
  const drawn = draw(liveLots(state, event), credits)
  if (drawn.left > 0) yield 'there are credits enough'
  if (!same(drawn.lots, event.lots) || !same(drawn.taken, event.held))
    yield 'lots are drawn in order'
}

function* brokenByResolution(state: State, event: LogEvent): Generator<string> {
  const hold = state.open_holds.get(`${event.request_id} ${event.shard}`)
  if (!hold) return yield 'the hold is open'
  const held = hold.held as number[]
  const settled = event.type === 'HoldSettled'
  for (const column of ['account_id', 'key_id', 'mode'] as const) {
    if (hold[column] !== event[column]) yield `the ${column} is the hold’s`
  }
  if (event.occurred_at !== hold.held_at) yield 'it counts at the time of the hold'
  if (settled && event.credits > Number(hold.credits)) yield 'no more is charged than was held'
  if (!settled && event.credits !== hold.credits) yield 'all of the hold is freed'
  if (event.type === 'HoldExpired' && event.recorded_at < Number(hold.expires_at))
    yield 'its time is over'
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
  if (event.payload.kind !== 'allowance') return
  if (event.credits !== allowanceDue(state, event)) yield 'the allowance is what the plan gives'
  if (micros(event.payload.startsAt) !== startOfMonth(event.recorded_at)) yield 'it is the month’s'
  const next = startOfMonth(startOfMonth(event.recorded_at) + 32 * 86_400_000_000)
  if (micros(event.payload.expiresAt) !== next) yield 'it ends with the month'
}

function* brokenByAdjustment(state: State, event: LogEvent): Generator<string> {
  const debt = Number(
    state.balances.get(`${event.account_id} ${event.mode} ${event.shard}`)?.debt ?? 0,
  )
  if (event.payload.repaysDebt) {
    const lot = state.lots.get(`${event.position - 1} ${event.shard}`)
    const most = Math.min(debt, Number(lot?.granted))
    if (event.credits !== most || !same(event.lots, [event.position - 1]))
      yield 'the new lot pays the debt'
    return
  }
  const { lots, taken } = draw(liveLots(state, event), event.credits)
  if (!same(lots, event.lots) || !same(taken, event.moved)) yield 'credits are taken in draw order'
}

function* brokenByRefund(
  event: LogEvent,
  charge: LogEvent | undefined,
  earlier: readonly LogEvent[],
): Generator<string> {
  if (!charge) return yield 'there is a charge'
  const back = new Map<number, number>()
  const give = (lots: number[] | null, moved: number[] | null) =>
    lots?.forEach((lot, i) => back.set(lot, (back.get(lot) ?? 0) + (moved?.[i] ?? 0)))
  for (const refund of [...earlier, event]) give(refund.lots, refund.moved)
  const sum = [...back.values()].reduce((a, b) => a + b, 0)
  if (sum > charge.credits) yield 'no more is given back than was charged'
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
  const balance = state.balances.get(`${event.account_id} ${event.mode} ${event.shard}`)
  if (Number(balance?.debt ?? 0) < 0 || Number(balance?.open_holds ?? 0) < 0)
    yield 'no balance is negative'
}

function freeOf(lot: Row): number {
  const [granted, refunded, adjusted, settled, held] = [
    ...['granted', 'refunded', 'adjusted', 'settled', 'held'].map((column) => Number(lot[column])),
  ] as [number, number, number, number, number]
  return granted + refunded - adjusted - settled - held
}

/** Lots that can be drawn from, as they are drawn: allowance, then what expires first, then the oldest. */
function liveLots(state: State, { account_id, mode, recorded_at: now }: LogEvent): Row[] {
  const rank = (lot: Row) => (lot.kind === 'allowance' ? 0 : 1)
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

function draw(lots: readonly Row[], credits: number) {
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

function tariffAt(state: State, now: Micros): string | undefined {
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
function planAt(state: State, { shard, account_id, recorded_at: now }: LogEvent): Row | undefined {
  const plan = [...state.account_plans.values()]
    .filter((row) => row.account_id === account_id && Number(row.starts_at) <= now)
    .sort((a, b) => Number(a.position) - Number(b.position))
    .at(-1)?.plan
  return state.tariff_plans.get(`${tariffAt(state, now)} ${plan} ${shard}`)
}

function allowanceDue(state: State, event: LogEvent): number {
  const { shard, account_id, mode, recorded_at } = event
  const balance = state.balances.get(`${account_id} ${mode} ${shard}`)
  const granted = balance?.allowance_month === monthOf(recorded_at) ? balance.allowance_granted : 0
  return Math.max(Number(planAt(state, event)?.credits ?? 0) - Number(granted), 0)
}

function startOfMonth(time: Micros): Micros {
  return Date.parse(`${monthOf(time)}T00:00:00Z`) * 1_000
}

function same(a: readonly number[] | null | undefined, b: unknown): boolean {
  return Bun.deepEquals(a ?? [], b ?? [])
}
