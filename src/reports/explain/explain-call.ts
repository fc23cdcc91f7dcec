/** Why a call was charged what it was: its hold is decided again, and its quantity priced again, from the log. */
import { type Counted, countedOf } from '../../../events/counted.ts'
import { isOpening } from '../../../events/openings.ts'
import type { Sql } from '../../ledger/connect.ts'
import { withQuantity } from '../../pricing/counting.ts'
import { type Breakdown, breakDown } from '../../pricing/price-breakdown.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { lookUpCharge } from '../charge/charge-lookup.ts'
import type { Charge } from '../charge/charge-shape.ts'
import { type Explanation, explainDecision } from './explain-verdict.ts'
import type { Moment } from './moment.ts'
import { readStateAsOf } from './read-state-as-of.ts'
import { readVolumeAsOf } from './read-volume-as-of.ts'

export interface CallExplanation {
  readonly charge: Charge
  /** Why the ledger decided the hold as it did. */
  readonly held: Explanation
  /** What the settled quantity costs under the call's tariff, part by part; null unless the call was charged. */
  readonly settled:
    | (Counted & Pick<Breakdown, 'arithmetic' | 'rounding'> & { readonly credits: number })
    | null
  /** Sentences about what does not follow from the log; empty where the charge does. */
  readonly disagreements: readonly string[]
}

/** @returns undefined when nothing was ever held for a call of this id */
export async function explainCall(
  sql: Sql,
  requestId: string,
): Promise<CallExplanation | undefined> {
  const charge = await lookUpCharge(sql, requestId)
  if (!charge) return undefined
  const { keyId, endpoint: route, onLease } = charge
  const hold = await readHold(sql, requestId)
  const before = { ...hold, position: hold.position - 1 }
  const state = await readStateAsOf(sql, charge, before)
  // What the event says of the month's volume is added up again.
  const counted = { ...countedOf(hold), ...(await volumeBefore(sql, charge, before, hold)) }
  const held = explainDecision(state, { keyId, route, counted }, before, onLease)
  const { rule } = held.call
  const used = usedBy(charge, hold, rule)
  const cost = charge.status === 'settled' && rule ? breakDown(rule, used) : undefined
  const settled = cost === undefined ? null : { ...used, ...cost, credits: Number(cost.credits) }
  return { charge, held, settled, disagreements: disagreementsOf(charge, hold, held, settled) }
}

async function volumeBefore(
  sql: Sql,
  { accountId, mode, endpoint }: Charge,
  before: Moment,
  { volume, volumeOf }: HoldEvent,
): Promise<{ volume?: number }> {
  if (volume === undefined) return {}
  const component = volumeOf ?? undefined
  return { volume: await readVolumeAsOf(sql, { ...before, accountId, mode, endpoint, component }) }
}

/** A charge that an expiry wrote says its quantity alone: the rest is as it was held. */
function usedBy(charge: Charge, hold: HoldEvent, rule: PriceRule | null): Counted {
  if (charge.terminatedBy !== 'gateway' || rule === null) return countedOf(charge)
  return withQuantity(rule, countedOf(hold), charge.quantity)
}

interface HoldEvent extends Moment, Counted {
  readonly volumeOf: string | null
  readonly credits: number
  readonly tariff: string
  readonly plan: string | null
  readonly lots: readonly number[]
  readonly held: readonly number[]
}

/** The event that was decided: the hold of the call, or the end of a call on a lease. */
async function readHold(sql: Sql, requestId: string): Promise<HoldEvent> {
  const [row] = await sql<
    [
      Omit<HoldEvent, 'parts' | 'by' | 'volume'> & {
        parts: Counted['parts'] | null
        by: string | null
        volume: number | null
      },
    ]
  >`
    select shard, position, (extract(epoch from recorded_at) * 1000000)::float8 as now,
      quantity, payload -> 'parts' as parts, payload ->> 'by' as by, payload ->> 'plan' as plan, credits, tariff,
      (payload ->> 'volume')::float8 as volume, payload ->> 'volumeOf' as "volumeOf",
      coalesce(lots, '{}') as lots, coalesce(held, moved, '{}') as held
    from events where request_id = ${requestId} and ${sql.unsafe(isOpening)}`
  const { parts, by, volume, ...hold } = row
  return {
    ...hold,
    ...(parts && { parts }),
    ...(by !== null && { by }),
    ...(volume !== null && { volume }),
  }
}

function disagreementsOf(
  charge: Charge,
  hold: HoldEvent,
  { decision, call, state }: Explanation,
  settled: CallExplanation['settled'],
): string[] {
  // Nothing is decided for a call that fails on a lease.
  if (charge.onLease && charge.status !== 'settled') return []
  const draws = hold.lots.map((lot, i) => ({ lot, credits: hold.held[i] ?? 0 }))
  const isAccepted =
    decision.verdict === 'ok' || (decision.verdict === 'free' && hold.credits === 0)
  // What the hold did not cover is neither in the charge nor in its quantity.
  const charged = charge.credits
  const faults = [
    !isAccepted && `the hold would have been refused: ${decision.verdict}`,
    state.tariff?.hash !== hold.tariff && 'the hold names a tariff that was not in force',
    call.counted?.volume !== hold.volume && 'the volume of the month was another',
    (call.plan ?? null) !== hold.plan && 'the hold names another plan than priced it',
    call.credits !== hold.credits && `${hold.credits} credits were held, not ${call.credits}`,
    !Bun.deepEquals(decision.draws, draws) && 'the hold drew on other lots',
    settled &&
      settled.credits !== charged &&
      `${charged} credits were charged, not ${settled.credits}`,
  ]
  return faults.filter((fault) => typeof fault === 'string')
}
