/**
 * Whether what is priced by tiers says the right volume: that of the account's charges of the month before it, which are added up
 * here anew. Logs without tiers read nothing for it.
 */
import type { PriceRule } from '../../../pricing/price-rule.ts'
import { hasTiers } from '../../../pricing/tiered-part.ts'
import { type CheckConnection, eventsOf, type Finding, type LogRange } from '../log-check.ts'
import type { LedgerState, PublishedTariff } from './ledger-state.ts'

interface TieredEvent {
  readonly position: number
  readonly type: string
  readonly accountId: string
  readonly mode: string
  readonly endpoint: string
  /** `YYYY-MM` */
  readonly month: string
  /** The component that has the tiers; empty where the price has no other. */
  readonly component: string
  readonly quantity: number
  readonly volume: number
}

/** Events that are read at once. */
const maxEvents = 20_000

export async function checkVolumes(
  state: LedgerState,
  range: LogRange,
  { sql }: CheckConnection,
): Promise<Finding[]> {
  if (!state.tariffs.some(sellsInTiers)) return []
  const findings: Finding[] = []
  for (let after = range.after; ; ) {
    const rows = await sql<TieredEvent[]>`
      select position, type, account_id as "accountId", mode, endpoint, component,
        to_char(occurred_at at time zone 'UTC', 'YYYY-MM') as month, (payload ->> 'volume')::float8 as volume,
        coalesce(case component when '' then quantity else (payload -> 'parts' ->> component)::numeric end, 0)::float8 as quantity
      from (
        select *, coalesce(payload ->> 'volumeOf', '') as component from ${sql.unsafe(eventsOf({ ...range, after }))}
          and type in ('CreditsHeld', 'HoldSettled') and strpos(payload::text, '"volume":') > 0
      ) e
      where json_typeof(payload -> 'volume') = 'number' and coalesce(json_typeof(payload -> 'parts' -> component), 'number') = 'number'
      order by position limit ${maxEvents}`
    for (const event of rows) {
      const fault = follow(state, event)
      if (fault !== undefined) findings.push({ position: event.position, fault })
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < maxEvents) return findings
    after = last.position
  }
}

function sellsInTiers({ plans, prices }: PublishedTariff): boolean {
  const ofPlans = Object.values(plans).flatMap((plan) => Object.values(plan.prices ?? {}))
  return [...Object.values(prices), ...(ofPlans as PriceRule[])].some(hasTiers)
}

/** Takes a charge into the month's volume; returns what is wrong with the event. */
function follow({ volumes }: LedgerState, event: TieredEvent): string | undefined {
  const { accountId, mode, endpoint, component, month, type, quantity, volume } = event
  const key = [accountId, mode, endpoint, component, month].join(' ')
  const before = volumes.get(key) ?? 0
  if (type === 'HoldSettled') volumes.set(key, before + quantity)
  return volume === before ? undefined : `the volume of ${endpoint} in the month was ${before}`
}
