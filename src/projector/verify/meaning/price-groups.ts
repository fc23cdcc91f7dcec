/** Whether the calls of a range cost what their tariffs say: each group of calls that cost the same is priced once. */
import type { Counted } from '../../../../events/counted.ts'
import { priceForPlan, pricingPlan } from '../../../pricing/plan-prices.ts'
import { exactCredits, mostCredits } from '../../../pricing/price-arithmetic.ts'
import { isList, isMetered, type PriceRule } from '../../../pricing/price-rule.ts'
import { tieredComponent } from '../../../pricing/tiered-part.ts'
import { type CheckConnection, eventsOf, type Finding, type LogRange } from '../log-check.ts'
import type { EventGroup } from './event-groups.ts'
import type { LedgerState } from './ledger-state.ts'

export async function checkPrices(
  state: LedgerState,
  groups: readonly EventGroup[],
  range: LogRange,
  { sql }: CheckConnection,
): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { type, tariff, endpoint, quantity, credits } of groups) {
    if (tariff === null || endpoint === null) continue
    const counted = { quantity: quantity ?? 0 }
    const holds = type === 'CreditsHeld'
    const wrong = priceFault(state, { tariff, endpoint, holds, counted, credits: credits ?? 0 })
    if (wrong === undefined) continue
    // Those whose payloads say more of their price are priced by themselves.
    const rows = await sql<{ position: number }[]>`
      select position from ${sql.unsafe(eventsOf(range))} and type = ${type} and tariff = ${tariff}
        and endpoint = ${endpoint} and quantity = ${quantity} and credits = ${credits}
        and payload::text !~ '"(budgets|parts|by|plan|volume)":'`
    findings.push(...rows.map(({ position }) => ({ position, fault: wrong })))
  }
  return findings
}

interface Priced {
  readonly tariff: string
  readonly endpoint: string
  /** As the event names it. */
  readonly plan?: string | undefined
  /** The credits are held, and not charged. */
  readonly holds: boolean
  readonly counted: Counted
  /** The component of which it says the volume. */
  readonly volumeOf?: string | undefined
  readonly credits: number
}

/** Why so many credits are not the price of what was counted; undefined: they are. */
export function priceFault(
  state: LedgerState,
  { tariff, endpoint, plan, holds, counted, volumeOf, credits }: Priced,
): string | undefined {
  const price = findPrice(state, tariff, endpoint, plan)
  if (!price) return noPriceFault(endpoint)
  const tiered = tieredComponent(price)
  if ((tiered !== undefined) !== (counted.volume !== undefined) || tiered?.name !== volumeOf) {
    return tiered ? 'it does not say the volume that its tiers go by' : 'its price has no tiers'
  }
  if (isList(price) && !isMetered(price) && counted.quantity !== 1) {
    return 'what its components count stands in its parts, and the call is one'
  }
  const cost = priceOf(price, counted, holds)
  if (cost === credits) return undefined
  return `${counted.quantity} of ${endpoint} cost ${cost ?? 'nothing that can be said'}`
}

export function noPriceFault(endpoint: string): string {
  return `its tariff has no price for ${endpoint}`
}

export function findPrice(
  state: LedgerState,
  tariff: string,
  endpoint: string,
  plan: string | undefined,
): PriceRule | undefined {
  const published = state.tariffs.find(({ hash }) => hash === tariff)
  return published && priceForPlan(published, endpoint, plan)
}

/** Whether the tariff has prices of the plan's own. */
export function hasPrices(state: LedgerState, tariff: string, plan: string): boolean {
  const published = state.tariffs.find(({ hash }) => hash === tariff)
  return published !== undefined && pricingPlan(published, plan) !== undefined
}

/** A price of a damaged log can be none. */
function priceOf(price: PriceRule, counted: Counted, holds: boolean): unknown {
  try {
    return holds ? mostCredits(price, counted) : exactCredits(price, counted)
  } catch {
    return undefined
  }
}
