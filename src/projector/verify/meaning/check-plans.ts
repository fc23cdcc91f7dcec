/**
 * Whether calls name the plan that prices them: the one that was in force, where it had prices of its own, and the same at their end as
 * in their hold. Logs without such prices read nothing for it.
 */
import { isOpening } from '../../../../events/openings.ts'
import { pricingPlan } from '../../../pricing/plan-prices.ts'
import { type CheckConnection, eventsOf, type Finding, type LogRange } from '../log-check.ts'
import { type LedgerState, planAt } from './ledger-state.ts'
import type { Micros } from './rare-events.ts'

interface PricedEvent {
  readonly position: number
  readonly recordedAt: Micros
  readonly accountId: string
  readonly tariff: string
  readonly plan: string | null
  readonly requestId: string
  /** It ends a hold. */
  readonly settles: boolean
}

/** Events that are read at once. */
const maxEvents = 20_000

export async function checkPlans(
  state: LedgerState,
  range: LogRange,
  { sql }: CheckConnection,
): Promise<Finding[]> {
  const accounts = [...pricedAccounts(state)]
  if (accounts.length === 0) return []
  const findings: Finding[] = []
  for (let after = range.after; ; ) {
    const rows = await sql<PricedEvent[]>`
      select e.position, (extract(epoch from e.recorded_at) * 1000000)::float8 as "recordedAt", e.account_id as "accountId",
        e.tariff, e.payload ->> 'plan' as plan, e.request_id as "requestId",
        e.type = 'HoldSettled' and e.held is not null as settles
      from (select * from ${sql.unsafe(eventsOf({ ...range, after }))}) e
      where e.type in ('CreditsHeld', 'HoldSettled') and e.slots is null and e.account_id = any(${accounts}::text[])
        and strpos(e.payload::text, '"terminatedBy":"gateway"') = 0
      order by e.position limit ${maxEvents}`
    const held = await heldPlans(sql, range, rows)
    for (const row of rows) {
      const fault = planFault(state, row, held)
      if (fault !== undefined) findings.push({ position: row.position, fault })
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < maxEvents) return findings
    after = last.position
  }
}

/** The plans that the holds name which are ended by these events, by their requests. */
async function heldPlans(
  sql: CheckConnection['sql'],
  { shard }: LogRange,
  events: readonly PricedEvent[],
): Promise<ReadonlyMap<string, string | null>> {
  const ids = events.flatMap(({ settles, requestId }) => (settles ? [requestId] : []))
  if (ids.length === 0) return new Map()
  const rows = await sql<{ requestId: string; plan: string | null }[]>`
    select request_id as "requestId", payload ->> 'plan' as plan from events
    where request_id = any(${ids}::text[]) and shard = ${shard} and ${sql.unsafe(isOpening)}`
  return new Map(rows.map(({ requestId, plan }) => [requestId, plan]))
}

/** Accounts that have, or have had, a plan with prices of its own. */
export function pricedAccounts({ tariffs, accounts }: LedgerState): ReadonlySet<string> {
  const pricing = new Set(
    tariffs.flatMap((tariff) =>
      Object.keys(tariff.plans).filter((plan) => pricingPlan(tariff, plan)),
    ),
  )
  const priced = new Set<string>()
  if (pricing.size === 0) return priced
  for (const [account, { plans }] of accounts) {
    if (plans.some(({ plan }) => pricing.has(plan))) priced.add(account)
  }
  return priced
}

function planFault(
  state: LedgerState,
  event: PricedEvent,
  held: ReadonlyMap<string, string | null>,
): string | undefined {
  const { plan, settles, requestId } = event
  if (settles) {
    return plan === (held.get(requestId) ?? null)
      ? undefined
      : 'it is priced by another plan than its hold'
  }
  const tariff = state.tariffs.find(({ hash }) => hash === event.tariff)
  if (!tariff) return undefined
  const { accountId, recordedAt, position } = event
  const taken = planAt(state.accounts.get(accountId), recordedAt, position)
  const inForce = pricingPlan(tariff, taken?.plan) ?? null
  return plan === inForce ? undefined : 'the plan that it names was not in force'
}
