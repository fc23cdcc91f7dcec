/** Why the ledger answered a call as it did, or what it would have answered then, derived from the log again. */
import { type LogPosition, printPosition } from '../../../events/event.ts'
import { typesWith } from '../../../events/event-types.ts'
import { typeIn } from '../../../events/type-condition.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { type Charge, lookUpCharge } from '../charge/charge-lookup.ts'
import { findKeyOwner } from '../log-reader/find-account.ts'
import { readLogEndAsOf } from '../log-reader/log-end.ts'
import { printTime } from '../log-reader/micros.ts'
import { type DecisionAsOf, decideAsOf } from './decide-as-of.ts'
import { type Moment, type StateAsOf, stateAsOf } from './state-as-of.ts'

/** What a quantity costs under a rule, in credits. */
export type Price = (rule: PriceRule, quantity: number) => number

/** Positions are printed, times ISO 8601 in UTC. */
export interface Explanation {
  /** The last event that the answer stands on, and the time that it was given at. */
  readonly position: string
  readonly time: string
  readonly keyId: string
  readonly call: Call
  readonly state: StateAsOf
  readonly decision: DecisionAsOf
}

interface Call {
  readonly route: string
  readonly quantity: number
  /** The rule of the tariff in force then; null: it had none for the route. */
  readonly rule: PriceRule | null
  /** What had to be held; null without a rule. */
  readonly credits: number | null
}

export interface CallExplanation {
  readonly charge: Charge
  /** How the hold was decided. */
  readonly held: Explanation
  /** What the quantity settled costs under the call's tariff; null unless the call was charged. */
  readonly settled: { readonly quantity: number; readonly credits: number } | null
  /** What the log does not bear out; empty: the charge is as the rules make it. */
  readonly disagreements: readonly string[]
}

/** The call of a request id; undefined when nothing was ever held for it. */
export async function explainCall(
  sql: Sql,
  requestId: string,
  price: Price,
): Promise<CallExplanation | undefined> {
  const found = await lookUpCharge(sql, requestId)
  if (!found) return undefined
  const { keyId, accountId, mode, endpoint: route } = found
  const hold = await readHold(sql, requestId)
  const at = { ...hold, position: hold.position - 1 }
  const standing = await stateAsOf(sql, { accountId, keyId, mode }, at)
  const { onLease = false } = found
  const held = explain(standing, { keyId, route, quantity: hold.quantity, at, price, onLease })
  const { rule } = held.call
  const settled =
    found.status === 'settled' && rule
      ? { quantity: found.quantity, credits: price(rule, found.quantity) }
      : null
  return {
    charge: found,
    held,
    settled,
    disagreements: disagreementsOf(found, hold, held, settled),
  }
}

export interface VerdictQuery {
  readonly keyId: string
  /** Where the log ended, or when. */
  readonly at: LogPosition | Date
  /** A moment after a position, at which the log still ended there; the position's own time unless said. */
  readonly time?: Date
  readonly route: string
  readonly quantity: number
  /** What plan and key must give for the route; not looked at unless said. */
  readonly permission?: string | undefined
}

/**
 * What the ledger answered, or would have answered then, to a call of the key that asked for a hold of so
 * much. Rate windows and IP addresses, which are not in the log, are not looked at.
 *
 * @returns undefined when the ledger has no such key; 'ahead' when the log was not that far
 */
export async function explainVerdict(
  sql: Sql,
  question: VerdictQuery,
  price: Price,
): Promise<Explanation | 'ahead' | undefined> {
  const { keyId, at: place, time } = question
  const owner = await findKeyOwner(sql, keyId)
  if (!owner) return undefined
  const shard = await shardOfKey(sql, keyId)
  const end = await readLogEndAsOf(sql, shard, place)
  if (!end) return 'ahead'
  const now = time ? Math.max(time.getTime() * 1_000, end.recordedAt) : end.now
  const at = { shard, position: end.position, now }
  const standing = await stateAsOf(sql, { ...owner, keyId }, at)
  return explain(standing, { ...question, at, price })
}

function explain(
  state: StateAsOf,
  call: Pick<VerdictQuery, 'keyId' | 'route' | 'quantity' | 'permission'> & {
    readonly at: Moment
    readonly price: Price
    readonly onLease?: boolean
  },
): Explanation {
  const { keyId, route, quantity, permission, at, price, onLease } = call
  const rule = (state.tariff?.prices[route] as PriceRule | undefined) ?? null
  const credits = rule && price(rule, quantity)
  const asked = { credits: credits ?? undefined, permission, now: at.now, onLease }
  return {
    position: printPosition(at),
    time: printTime(at.now),
    keyId,
    call: { route, quantity, rule, credits },
    state,
    decision: decideAsOf(state, asked),
  }
}

interface HoldEvent extends Moment {
  readonly quantity: number
  readonly credits: number
  readonly tariff: string
  readonly lots: readonly number[]
  readonly held: readonly number[]
}

/** What was decided as a hold; of a call that ran on a standing one, its end. */
async function readHold(sql: Sql, requestId: string): Promise<HoldEvent> {
  const [row] = await sql<[HoldEvent]>`
    select shard, position, (extract(epoch from recorded_at) * 1000000)::bigint as now,
      quantity, credits, tariff, coalesce(lots, '{}') as lots, coalesce(held, moved, '{}') as held
    from events where request_id = ${requestId}
      and (type = 'CreditsHeld' or ${sql.unsafe(typeIn(typesWith('onLease')))} and payload ->> 'lease' is not null)
    order by position desc limit 1`
  return row
}

async function shardOfKey(sql: Sql, keyId: string): Promise<number> {
  const [row] = await sql<[{ shard: number }]>`
    select shard from key_state where key_id = ${keyId} limit 1`
  return row.shard
}

function disagreementsOf(
  charge: Charge,
  hold: HoldEvent,
  { decision, call, state }: Explanation,
  settled: CallExplanation['settled'],
): string[] {
  // Nothing was decided for a call that ran on a standing hold and failed.
  if (charge.onLease && charge.status !== 'settled') return []
  const draws = hold.lots.map((lot, i) => ({ lot, credits: hold.held[i] ?? 0 }))
  const isSold = decision.verdict === 'ok' || (decision.verdict === 'free' && hold.credits === 0)
  // What the hold did not cover was not charged, and is no part of the quantity either.
  const cost = charge.credits
  const faults = [
    !isSold && `the hold would have been refused: ${decision.verdict}`,
    state.tariff?.hash !== hold.tariff && 'the hold names a tariff that was not in force',
    call.credits !== hold.credits && `${hold.credits} credits were held, not ${call.credits}`,
    !Bun.deepEquals(decision.draws, draws) && 'the hold drew on other lots',
    settled && settled.credits !== cost && `${cost} credits were charged, not ${settled.credits}`,
  ]
  return faults.filter((fault) => typeof fault === 'string')
}
