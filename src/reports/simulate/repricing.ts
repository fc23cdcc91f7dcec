/** Prices calls again. */
import { countedOf } from '../../../events/counted.ts'
import type { Tariff } from '../../config/tariff.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readTariff } from '../../ledger/read/read-tariffs.ts'
import { addSums, compareSums, multiplySums, type Sum, subtractSums } from '../../lib/sums.ts'
import { type PricesByPlan, priceForPlan } from '../../pricing/plan-prices.ts'
import { priceAgain } from '../../pricing/price-again.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
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

  return {
    byAccount,
    unpriced,
    async add(group, refunds) {
      const { accountId, endpoint, calls, requestId } = group
      if (calls === 0) return
      const before = await ruleOf(group)
      const after = priceForPlan(tariff, endpoint, group.planThen)
      const each = after && before && priceAgain(before, after, countedOf(group))
      if (each === undefined) unpriced.set(endpoint, addSums(unpriced.get(endpoint) ?? 0, calls))

      const refunded = requestId === null ? 0 : (refunds.get(requestId) ?? 0)
      const actual = subtractSums(multiplySums(group.credits, calls), refunded)
      const isRefundedWhole = refunded > 0 && refunded === group.credits
      const sum = byAccount.get(accountId) ?? { actual: 0, simulated: 0 }
      byAccount.set(accountId, sum)
      sum.actual = addSums(sum.actual, actual)
      const again = each === undefined ? actual : subtractSums(multiplySums(each, calls), refunded)
      const simulated = isRefundedWhole ? actual : again
      if (compareSums(simulated, 0) > 0) sum.simulated = addSums(sum.simulated, simulated)
    },
  }
}
