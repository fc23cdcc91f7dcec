/**
 * What every owner would have paid under another tariff, from the quantities in the log: calls are priced again, and
 * so are the fees of the plans that accounts had. Everything else stays as it was. A call that failed costs nothing
 * under any prices, and neither does one that was refunded whole; of one that was refunded in part, the same credits
 * are given back again. Only live mode counts, and months are in UTC.
 *
 * A call cannot be priced again when the other tariff has no price for its route, or a price in another unit than the
 * one that was recorded. Such a call costs what it cost, and the result names it.
 */
import { type Tariff, tariffHash } from '../../config/tariff.ts'
import type { Sql } from '../../ledger/connect.ts'
import { readShards } from '../../ledger/read/read-shards.ts'
import { addSums, subtractSums } from '../../lib/sums.ts'
import { pricingPlan } from '../../pricing/plan-prices.ts'
import { hasTiers } from '../../pricing/tiered-part.ts'
import { readLogEnd } from '../log-reader/log-end.ts'
import { monthPeriod } from '../log-reader/period.ts'
import { openPauses } from './pauses.ts'
import { type FeesOfAccount, readPlanFees } from './plan-fees.ts'
import { readCalls } from './read-calls.ts'
import { readCommitted } from './read-committed.ts'
import { readRefunds } from './read-refunds.ts'
import { openRepricing } from './repricing.ts'
import type { Compared, MutableSide, Side, SimulatedOwner, Simulation } from './simulation-shape.ts'

interface SimulationRequest {
  /** First and last month, `YYYY-MM`. */
  readonly from: string
  readonly to: string
  readonly tariff: Tariff
}

/** How often a simulation reads a shard's part of the log. */
const passes = 3

/**
 * @param onProgress called with the part, up to 1, that is done, the same one again and again where it takes long. What it throws
 *   ends the simulation
 * @throws RangeError when a month does not exist, or the last lies before the first
 */
export async function simulateTariff(
  sql: Sql,
  request: SimulationRequest,
  onProgress?: (part: number) => void,
): Promise<Simulation> {
  const { from, to, tariff } = request
  const period = spanOf(from, to)
  const hash = tariffHash(tariff)
  const externalId = `reprice:${Bun.SHA256.hash(`${hash} ${from} ${to}`, 'hex').slice(0, 24)}`

  const plans = Object.values(tariff.plans).map(({ prices = {} }) => prices)
  const by = {
    withPlans: Object.keys(tariff.plans).some((plan) => pricingPlan(tariff, plan)),
    withMonths: [tariff.prices, ...plans].some((prices) => Object.values(prices).some(hasTiers)),
  }
  const repricing = openRepricing(sql, tariff)
  const fees = new Map<string, FeesOfAccount>()
  const committed = new Map<string, string[]>()
  let [isOver, open] = [true, 0]
  const shards = await readShards(sql)
  let done = 0
  const report = (part: number) => {
    done = part
    onProgress?.(part)
  }
  const pause = openPauses(() => onProgress?.(done))
  for (const [index, shard] of shards.entries()) {
    const end = await readLogEnd(sql, shard)
    isOver &&= end.now >= period.end
    const range = (pass: number) => ({
      ...{ shard, period, end },
      onRead: (part: number) => report((index + (pass + part) / passes) / shards.length),
    })
    const refunds = await readRefunds(sql, range(0))
    for await (const groups of readCalls(sql, range(1), refunds, by)) {
      open += groups.reduce((sum, group) => sum + group.open, 0)
      for (const group of groups) {
        await repricing.add(group, refunds)
        await pause()
      }
    }
    const ofPlans = await readPlanFees(sql, { shard, from, to, end, tariff, pause })
    for (const [account, of] of ofPlans) fees.set(account, of)
    for (const [account, of] of await readCommitted(sql, range(2), externalId)) {
      committed.set(account, of)
    }
  }

  const owners = await ownersOf(sql, compare(repricing.byAccount, fees), committed)
  return {
    ...{ tariff: hash, externalId, from, to, final: isOver && open === 0 },
    ...{ owners, totals: totalsOf(owners) },
    unpriced: [...repricing.unpriced].map(([endpoint, calls]) => ({ endpoint, calls })),
  }
}

/** @throws RangeError */
function spanOf(from: string, to: string) {
  const [first, last] = [monthPeriod(from, 'UTC'), monthPeriod(to, 'UTC')]
  if (!first) throw new RangeError(`"${from}" is not a month: write it as 2026-01`)
  if (!last) throw new RangeError(`"${to}" is not a month: write it as 2026-01`)
  if (last.start < first.start) throw new RangeError('--to lies before --from')
  return { start: first.start, end: last.end }
}

function compare(
  credits: ReadonlyMap<string, Side>,
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

/** The largest difference first. */
async function ownersOf(
  sql: Sql,
  accounts: ReadonlyMap<string, Compared>,
  committed: ReadonlyMap<string, string[]>,
): Promise<SimulatedOwner[]> {
  const rows = await sql<{ accountId: string; owner: string }[]>`
    select account_id as "accountId", owner_kind || ' ' || owner_id as owner from account_state`
  const owners = new Map(rows.map(({ accountId, owner }) => [accountId, owner]))
  const size = ({ credits }: Compared) =>
    Math.abs(Number(subtractSums(credits.simulated, credits.actual)))
  return [...accounts]
    .filter(([, { credits, fees }]) => [credits, ...fees].some((of) => of.actual || of.simulated))
    .map(([accountId, of]) => ({
      ...{ accountId, owner: owners.get(accountId) ?? '', ...of },
      committed: committed.get(accountId) ?? [],
    }))
    .sort((a, b) => size(b) - size(a) || (a.accountId < b.accountId ? -1 : 1))
}

function totalsOf(owners: readonly Compared[]): Compared {
  const credits: MutableSide = { actual: 0, simulated: 0 }
  const fees = new Map<string, MutableSide>()
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

function addTo(sum: MutableSide, side: Side): void {
  sum.actual = addSums(sum.actual, side.actual)
  sum.simulated = addSums(sum.simulated, side.simulated)
}
