/**
 * What every owner would have paid under another tariff, from the quantities in the log: calls priced
 * again, and the fees of the plans that were held. What a call was charged and what became of it stays as it
 * was: a call that failed costs nothing under any prices, one that was refunded whole neither, and of one
 * refunded in part the same part is given back again. Live mode only, months in UTC.
 *
 * A call cannot be priced again when the other tariff has no price for its route, or one that counts
 * something else than what was recorded. It then costs what it cost, and is named as such.
 */

import { type Tariff, tariffHash } from '../../config/tariff.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { readTariff } from '../../ledger/read/read-tariffs.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import type { Price } from '../explain/explain-call.ts'
import { readLogEnd } from '../log-reader/log-end.ts'
import { monthPeriod } from '../log-reader/period.ts'
import { type FeesOfAccount, readPlanFees } from './plan-fees.ts'
import { type CallGroup, readCalls, readCommitted, readRefunds } from './read-calls.ts'
import type { Compared, Side, SimulatedOwner, Simulation } from './simulation-shape.ts'

interface SimulationRequest {
  /** First and last month, `YYYY-MM`. */
  readonly from: string
  readonly to: string
  readonly tariff: Tariff
  readonly price: Price
}

interface Tally {
  actual: number
  simulated: number
}

/** @throws RangeError when a month is none, or the last lies before the first */
export async function simulateTariff(sql: Sql, request: SimulationRequest): Promise<Simulation> {
  const { from, to, tariff } = request
  const [first, last] = [monthPeriod(from, 'UTC'), monthPeriod(to, 'UTC')]
  if (!first) throw new RangeError(`"${from}" is not a month: write it as 2026-01`)
  if (!last) throw new RangeError(`"${to}" is not a month: write it as 2026-01`)
  if (last.start < first.start) throw new RangeError('--to lies before --from')
  const period = { start: first.start, end: last.end }
  const hash = tariffHash(tariff)
  const externalId = `reprice:${Bun.SHA256.hash(`${hash} ${from} ${to}`, 'hex').slice(0, 24)}`

  const repriced = reprice(sql, request)
  const fees = new Map<string, FeesOfAccount>()
  const committed = new Map<string, string[]>()
  let [over, open] = [true, 0]
  for (const shard of await readShards(sql)) {
    const end = await readLogEnd(sql, shard)
    over &&= end.now >= period.end
    const refunds = await readRefunds(sql, { shard, period, end })
    for await (const calls of readCalls(sql, { shard, period, end, refunds })) {
      open += calls.reduce((sum, call) => sum + call.open, 0)
      for (const call of calls) await repriced.add(call, refunds)
    }
    for (const [account, of] of await readPlanFees(sql, { shard, from, to, end, tariff })) {
      fees.set(account, of)
    }
    for (const [account, of] of await readCommitted(sql, { shard, period, end, externalId })) {
      committed.set(account, of)
    }
  }

  const owners = await named(sql, compared(repriced.byAccount, fees), committed)
  const { unpriced } = repriced
  return {
    ...{ tariff: hash, externalId, from, to, final: over && open === 0 },
    ...{ owners, totals: totalsOf(owners) },
    unpriced: [...unpriced].map(([endpoint, calls]) => ({ endpoint, calls })),
  }
}

/** Adds groups of like calls to their accounts, as they were charged and as they would have been. */
function reprice(sql: Sql, { tariff, price }: SimulationRequest) {
  const byAccount = new Map<string, Tally>()
  const unpriced = new Map<string, number>()
  const rules = new Map<string, Record<string, unknown>>()

  async function ruleOf(hash: string | null, endpoint: string): Promise<PriceRule | undefined> {
    // Calls that are only counted name no tariff: they were free.
    if (hash === null) return { per: 'free' }
    if (!rules.has(hash)) rules.set(hash, (await readTariff(sql, hash))?.prices ?? {})
    return rules.get(hash)?.[endpoint] as PriceRule | undefined
  }

  async function add(group: CallGroup, refunds: ReadonlyMap<string, number>): Promise<void> {
    const { accountId, endpoint, calls, quantity, credits, requestId } = group
    if (calls === 0) return
    const before = await ruleOf(group.tariff, endpoint)
    const after = tariff.prices[endpoint]
    const refunded = requestId === null ? 0 : (refunds.get(requestId) ?? 0)
    const tally = byAccount.get(accountId) ?? { actual: 0, simulated: 0 }
    byAccount.set(accountId, tally)
    const actual = credits * calls - refunded
    tally.actual += actual
    const each = after && before && priceAgain(before, after, quantity)
    if (each === undefined) unpriced.set(endpoint, (unpriced.get(endpoint) ?? 0) + calls)
    if (each === undefined || (refunded > 0 && refunded === credits)) tally.simulated += actual
    else tally.simulated += Math.max(each * calls - refunded, 0)
  }

  /** What one call costs; undefined when the quantity is of something else than the rule counts. */
  function priceAgain(before: PriceRule, after: PriceRule, quantity: number): number | undefined {
    if (after.per === 'free') return 0
    if (after.per === 'request') return after.credits
    return after.per === before.per ? price(after, quantity) : undefined
  }

  return { add, byAccount, unpriced }
}

function compared(
  credits: ReadonlyMap<string, Tally>,
  fees: ReadonlyMap<string, FeesOfAccount>,
): Map<string, Compared> {
  const accounts = new Set([...credits.keys(), ...fees.keys()])
  return new Map(
    [...accounts].map((account) => [
      account,
      {
        credits: credits.get(account) ?? { actual: 0, simulated: 0 },
        fees: [...(fees.get(account) ?? [])].map(([currency, side]) => ({ currency, ...side })),
      },
    ]),
  )
}

async function named(
  sql: Sql,
  accounts: ReadonlyMap<string, Compared>,
  committed: ReadonlyMap<string, string[]>,
): Promise<SimulatedOwner[]> {
  const rows = await sql<{ accountId: string; owner: string }[]>`
    select account_id as "accountId", owner_kind || ' ' || owner_id as owner from account_state`
  const owners = new Map(rows.map(({ accountId, owner }) => [accountId, owner]))
  const size = ({ credits }: Compared) => Math.abs(credits.simulated - credits.actual)
  return [...accounts]
    .filter(([, { credits, fees }]) => [credits, ...fees].some((of) => of.actual || of.simulated))
    .map(([accountId, of]) => ({
      ...{ accountId, owner: owners.get(accountId) ?? '', ...of },
      committed: committed.get(accountId) ?? [],
    }))
    .sort((a, b) => size(b) - size(a) || (a.accountId < b.accountId ? -1 : 1))
}

function totalsOf(owners: readonly Compared[]): Compared {
  const credits: Tally = { actual: 0, simulated: 0 }
  const fees = new Map<string, Tally>()
  for (const owner of owners) {
    addTo(credits, owner.credits)
    for (const { currency, ...side } of owner.fees) {
      const sum = fees.get(currency) ?? { actual: 0, simulated: 0 }
      fees.set(currency, sum)
      addTo(sum, side)
    }
  }
  return { credits, fees: [...fees].map(([currency, side]) => ({ currency, ...side })) }
}

function addTo(sum: Tally, side: Side): void {
  sum.actual += side.actual
  sum.simulated += side.simulated
}
