import { type Tariff, tariffContent } from '../config/tariff.ts'
import type { Sql } from '../ledger/connect.ts'
import {
  type PublishedTariff,
  readCurrentTariffs,
  readTariffInForce,
} from '../ledger/read/read-tariffs.ts'

/** What is in force, as a tariff to compare another with: an empty one where nothing is; and what is announced. */
export async function readComparableTariff(sql: Sql): Promise<{
  readonly inForce: string | null
  /** From when on; undefined where nothing is. */
  readonly since: Date | undefined
  readonly before: Tariff
  readonly announced: readonly PublishedTariff[]
}> {
  const [tariffs, inForce] = [await readCurrentTariffs(sql), await readTariffInForce(sql)]
  const [first, ...later] = tariffs
  if (!first || first.hash !== inForce) {
    const before = { plans: {}, prices: {} }
    return { inForce, since: undefined, before, announced: tariffs }
  }
  const { plans, prices, credits, packs } = first as Pick<Tariff, 'plans'> & {
    prices: Tariff['prices']
  } & PublishedTariff
  const before = tariffContent({
    plans,
    prices,
    credits: credits ?? undefined,
    packs: packs ?? undefined,
  })
  return { inForce, since: first.from, before, announced: later }
}
