import { type Tariff, tariffContent } from '../config/tariff.ts'
import type { Sql } from '../ledger/connect.ts'
import {
  type PublishedTariff,
  readCurrentTariffs,
  readTariffInForce,
} from '../ledger/read/read-tariffs.ts'

/** What is in force, as a tariff to compare a file with: an empty one where nothing is; and what is announced. */
export async function readComparableTariff(sql: Sql): Promise<{
  readonly inForce: string | null
  readonly before: Tariff
  readonly announced: readonly PublishedTariff[]
}> {
  const [tariffs, inForce] = [await readCurrentTariffs(sql), await readTariffInForce(sql)]
  const [first, ...later] = tariffs
  if (!first || first.hash !== inForce) {
    return { inForce, before: { plans: {}, prices: {} }, announced: tariffs }
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
  return { inForce, before, announced: later }
}
