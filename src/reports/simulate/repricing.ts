/** Prices calls again. */
import { countedOf } from '../../../events/counted.ts'
import type { Tariff } from '../../config/tariff.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readTariff } from '../../ledger/read/read-tariffs.ts'
import {
  addSums,
  compareSums,
  multiplySums,
  type Sum,
  subtractSums,
  toSum,
} from '../../lib/sums.ts'
import { type PricesByPlan, priceForPlan } from '../../pricing/plan-prices.ts'
import { priceAgain, priceTiersAgain } from '../../pricing/price-again.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import { tieredComponent } from '../../pricing/tiered-part.ts'
import type { CallGroup } from './read-calls.ts'
import type { MutableSide, Side } from './simulation-shape.ts'

const noPrices: PricesByPlan = { plans: {}, prices: {} }

interface Repricing {
  /** Adds calls to their account: what they cost, and what they would have cost. @param refunds see readRefunds */
  add(group: CallGroup, refunds: ReadonlyMap<string, number>): Promise<void>
  /** Credits, refunds deducted. */
  readonly byAccount: ReadonlyMap<string, Side>
  /** How many calls could not be priced again, by endpoint. */
  readonly unpriced: ReadonlyMap<string, Sum>
}

export function openRepricing(sql: Sql, tariff: Tariff): Repricing {
  const byAccount = new Map<string, MutableSide>()
  const unpriced = new Map<string, Sum>()
  const volumes = new Map<string, bigint>()
  const tariffsByHash = new Map<string, PricesByPlan>()

  /** Of calls without a tariff: they are only counted, because they were free. */
  async function ruleOf({
    tariff: hash,
    endpoint,
    plan,
  }: CallGroup): Promise<PriceRule | undefined> {
    if (hash === null) return { per: 'free' }
    const known = tariffsByHash.get(hash) ?? (await readTariff(sql, hash)) ?? noPrices
    tariffsByHash.set(hash, known)
    return priceForPlan(known, endpoint, plan)
  }

  /** What the group's calls would have cost; undefined where that cannot be said. Of tiers it takes them into the month's volume. */
  function costAgain(before: PriceRule, after: PriceRule, group: CallGroup): Sum | undefined {
    const { accountId, endpoint, month, calls } = group
    const { volume: _, ...counted } = countedOf(group)
    const tiered = tieredComponent(after)
    if (tiered === undefined) {
      const each = priceAgain(before, after, counted)
      return each === undefined ? undefined : multiplySums(each, calls)
    }
    const key = [accountId, endpoint, tiered.name ?? '', month].join(' ')
    const volume = volumes.get(key) ?? 0n
    const again = priceTiersAgain(before, after, counted, { volume, calls: BigInt(calls) })
    if (again === undefined) return undefined
    volumes.set(key, volume + again.quantity)
    return toSum(again.credits)
  }

  return {
    byAccount,
    unpriced,
    async add(group, refunds) {
      const { accountId, endpoint, calls, requestId } = group
      if (calls === 0) return
      const before = await ruleOf(group)
      const after = priceForPlan(tariff, endpoint, group.planThen)
      const cost = after && before && costAgain(before, after, group)
      if (cost === undefined) unpriced.set(endpoint, addSums(unpriced.get(endpoint) ?? 0, calls))

      const refunded = requestId === null ? 0 : (refunds.get(requestId) ?? 0)
      const actual = subtractSums(multiplySums(group.credits, calls), refunded)
      const isRefundedWhole = refunded > 0 && refunded === group.credits
      const sum = byAccount.get(accountId) ?? { actual: 0, simulated: 0 }
      byAccount.set(accountId, sum)
      sum.actual = addSums(sum.actual, actual)
      const again = cost === undefined ? actual : subtractSums(cost, refunded)
      const simulated = isRefundedWhole ? actual : again
      if (compareSums(simulated, 0) > 0) sum.simulated = addSums(sum.simulated, simulated)
    },
  }
}
