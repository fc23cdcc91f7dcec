/** What plans and their overage cost in some months, as they were billed, but for later refunds of overage, and under another tariff. */
import type { OverageTerms } from '../../../events/overage-terms.ts'
import type { Tariff } from '../../config/tariff.ts'
import type { Sql } from '../../ledger/connect.ts'
import { addSums, type Sum } from '../../lib/sums.ts'
import { overageFee } from '../../pricing/overage-fee.ts'
import type { LogEnd } from '../log-reader/log-end.ts'
import type { Micros } from '../log-reader/micros.ts'
import { monthPeriod } from '../log-reader/period.ts'
import {
  type Fee,
  mostExpensiveFee,
  type PlanStart,
  planPeriods,
} from '../statement/plan-periods.ts'
import type { MutableSide, Side } from './simulation-shape.ts'

/** By currency; minor units. */
export type FeesOfAccount = ReadonlyMap<string, Side>

interface FeeQuery {
  readonly shard: number
  readonly from: string
  readonly to: string
  readonly end: LogEnd
  readonly tariff: Tariff
  /** Called with each month of each account. */
  readonly pause: () => Promise<void> | undefined
}

/**
 * The fees of each account. A plan that the other tariff does not have keeps its fees. Of overage, the credits that were used of it are
 * billed again, by the plan at its beginning; that calls cost otherwise does not change how many they are.
 */
export async function readPlanFees(sql: Sql, query: FeeQuery): Promise<Map<string, FeesOfAccount>> {
  const fees = new Map<string, Map<string, MutableSide>>()
  const months = monthsFrom(query.from, query.to)
  for (const [account, { starts, erasedAt }] of await readPlans(sql, query.shard)) {
    const others = starts.map((start) => {
      const plan = query.tariff.plans[start.plan]
      return plan ? { ...start, fee: plan.fee, isProrated: plan.firstMonth === 'prorated' } : start
    })
    const sums = new Map<string, MutableSide>()
    for (const period of months) {
      const at = { shard: query.shard, period, now: query.end.now, erasedAt }
      count(sums, 'actual', mostExpensiveFee(planPeriods(starts, at)))
      count(sums, 'simulated', mostExpensiveFee(planPeriods(others, at)))
      await query.pause()
    }
    fees.set(account, sums)
  }
  await addOverage(sql, query, fees)
  return fees
}

async function addOverage(
  sql: Sql,
  { shard, from, to, tariff }: FeeQuery,
  fees: Map<string, Map<string, MutableSide>>,
): Promise<void> {
  const lots = await sql<{ accountId: string; plan: string; terms: OverageTerms; used: string }[]>`
    select l.account_id as "accountId", plan_at(l.shard, l.account_id, e.recorded_at) as plan,
      e.payload -> 'overage' as terms, (l.settled - l.refunded)::text as used
    from lots l join events e on e.position = l.lot and e.shard = l.shard
    where l.shard = ${shard} and l.kind = 'overage' and l.mode = 'live'
      and to_char(l.starts_at at time zone 'UTC', 'YYYY-MM') between ${from} and ${to}`
  for (const { accountId, plan, terms, used } of lots) {
    const sums = fees.get(accountId) ?? new Map<string, MutableSide>()
    fees.set(accountId, sums)
    const other = Object.hasOwn(tariff.plans, plan) ? tariff.plans[plan]?.overage : terms
    count(sums, 'actual', billed(terms, used))
    if (other) count(sums, 'simulated', billed(other, used))
  }
}

function billed(terms: OverageTerms, used: string) {
  const minorUnits = overageFee(terms, BigInt(used))
  return minorUnits === 0 ? null : { minorUnits, currency: terms.fee.currency }
}

function count(
  sums: Map<string, MutableSide>,
  side: keyof Side,
  fee: { readonly minorUnits: Sum; readonly currency: string } | null,
): void {
  if (!fee) return
  const sum = sums.get(fee.currency) ?? { actual: 0, simulated: 0 }
  sum[side] = addSums(sum[side], fee.minorUnits)
  sums.set(fee.currency, sum)
}

function monthsFrom(from: string, to: string) {
  const months = []
  for (let month = Temporal.PlainYearMonth.from(from); ; month = month.add({ months: 1 })) {
    const name = month.toString()
    const period = monthPeriod(name, 'UTC')
    if (name > to || !period) return months
    months.push(period)
  }
}

async function readPlans(sql: Sql, shard: number) {
  const rows = await sql<
    {
      accountId: string
      type: string
      position: number
      at: Micros
      startsAt: Micros
      payload: unknown
    }[]
  >`
    select account_id as "accountId", type, position, payload,
      (extract(epoch from recorded_at) * 1000000)::float8 as at,
      (extract(epoch from (payload ->> 'from')::timestamptz) * 1000000)::float8 as "startsAt"
    from events
    where shard = ${shard} and stream_version is not null and type in ('PlanStarted', 'AccountErased')
    order by position`
  const accounts = new Map<string, { starts: PlanStart[]; erasedAt: Micros }>()
  for (const { accountId, type, position, at, startsAt, payload } of rows) {
    const account = accounts.get(accountId) ?? { starts: [], erasedAt: Number.POSITIVE_INFINITY }
    accounts.set(accountId, account)
    if (type === 'AccountErased') account.erasedAt = at
    else {
      const { plan, fee, firstMonth } = payload as { plan: string; fee: Fee; firstMonth?: string }
      const isProrated = firstMonth === 'prorated'
      account.starts.push({ position, plan, fee, isProrated, startsAt, recordedAt: at })
    }
  }
  return accounts
}
