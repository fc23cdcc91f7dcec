/** Whether payloads are those of their types: a field that a type does not have is as wrong as one that it lacks. */
import type { TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler, type ValueError } from '@sinclair/typebox/compiler'
import { catalogue } from '../../../../events/catalogue.ts'
import { type Counted, countedOf } from '../../../../events/counted.ts'
import { type CheckConnection, eventsOf, type Finding, type LogRange } from '../log-check.ts'
import { pricedAccounts } from './check-plans.ts'
import type { EventGroup } from './event-groups.ts'
import type { LedgerState } from './ledger-state.ts'
import { findPrice, hasPrices, noPriceFault, priceFault } from './price-groups.ts'

interface PayloadCheck {
  readonly fields: ReadonlySet<string>
  readonly schema: TypeCheck<TSchema>
}

const checks: ReadonlyMap<string, PayloadCheck> = new Map(
  Object.entries(catalogue).map(([type, { payload }]) => [
    type,
    {
      fields: new Set(Object.keys(payload.properties)),
      schema: TypeCompiler.Compile(payload as TSchema),
    },
  ]),
)

interface WithPayload {
  readonly type: string
  readonly payload: Readonly<Record<string, unknown>>
}

export function payloadFault({ type, payload }: WithPayload): string | undefined {
  const check = checks.get(type)
  if (!check) return undefined
  const problem = check.schema.Check(payload) ? undefined : firstProblem(check, payload)
  if (problem) return `its payload does not fit its type: ${problem.path} ${problem.message}`
  const unknown = Object.keys(payload).find((field) => !check.fields.has(field))
  if (unknown !== undefined) return `its type has no field ${unknown}`
  const claims = payload.claim !== undefined
  return claims === (payload.requestHash !== undefined)
    ? undefined
    : 'an Idempotency-Key is claimed for a request'
}

const oldTime = /^(-?infinity|\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))$/

/** An old log has times of any year, and none at all: they were not bounded when they came in. */
function firstProblem({ schema }: PayloadCheck, payload: unknown): ValueError | undefined {
  const isTime = ({ format, anyOf = [] }: TSchema): boolean =>
    format === 'date-time' || anyOf.some(isTime)
  return [...schema.Errors(payload)].find(
    ({ schema, value }) => typeof value !== 'string' || !isTime(schema) || !oldTime.test(value),
  )
}

/** Payloads that are read at once. */
const maxPayloads = 20_000

interface UnusualEvent extends WithPayload {
  readonly position: number
  readonly accountId: string
  readonly tariff: string | null
  readonly endpoint: string | null
  readonly quantity: number | null
  readonly credits: number | null
}

/** Reads those payloads of calls that are of no plain form, and prices what they count. */
export async function checkPayloads(
  state: LedgerState,
  groups: readonly EventGroup[],
  range: LogRange,
  { sql }: CheckConnection,
): Promise<Finding[]> {
  const positions = groups.flatMap(({ unusual }) => unusual ?? [])
  const findings: Finding[] = []
  const priced = positions.length > 0 ? pricedAccounts(state) : new Set<string>()
  for (let i = 0; i < positions.length; i += maxPayloads) {
    const rows = await sql<UnusualEvent[]>`
      select position, type, account_id as "accountId", payload, tariff, endpoint, quantity, credits from ${sql.unsafe(eventsOf(range))}
        and position = any(${positions.slice(i, i + maxPayloads)}::bigint[])`
    for (const row of rows) {
      const fault =
        payloadFault(row) ??
        strangeBudgetsFault(state, row) ??
        strangePlanFault(priced, row) ??
        unusualPriceFault(state, row)
      if (fault !== undefined) findings.push({ position: row.position, fault })
    }
  }
  return findings
}

/** check-budgets.ts follows the accounts that have budgets. */
function strangeBudgetsFault(
  { budgets }: LedgerState,
  { accountId, payload }: UnusualEvent,
): string | undefined {
  const isStrange = payload.budgets !== undefined && !budgets.ofAccounts.has(accountId)
  return isStrange ? 'its account never had budgets' : undefined
}

/** check-plans.ts follows the calls of accounts that have plans with prices of their own. */
function strangePlanFault(
  priced: ReadonlySet<string>,
  { accountId, endpoint, payload }: UnusualEvent,
): string | undefined {
  if (payload.plan === undefined) return undefined
  if (endpoint === null) return 'a lease is priced by no plan'
  return priced.has(accountId) ? undefined : 'its account never had a plan with prices of its own'
}

function unusualPriceFault(state: LedgerState, event: UnusualEvent): string | undefined {
  const { type, payload, tariff, endpoint, quantity, credits } = event
  if (tariff === null || endpoint === null) return undefined
  const plan = payload.plan as string | undefined
  if (plan !== undefined && !hasPrices(state, tariff, plan)) {
    return `plan ${plan} has no prices of its own`
  }
  if (type === 'HoldReleased' && payload.lease !== undefined) {
    return findPrice(state, tariff, endpoint, undefined) ? undefined : noPriceFault(endpoint)
  }
  if (type !== 'CreditsHeld' && type !== 'HoldSettled') return undefined
  // What an expiry charges is what an extension says was sent, and priced there: follow-calls.ts.
  if (payload.terminatedBy === 'gateway') return undefined
  const counted = countedOf({ ...(payload as Partial<Counted>), quantity: quantity ?? 0 })
  const volumeOf = payload.volumeOf as string | undefined
  const holds = type === 'CreditsHeld'
  const priced = { tariff, endpoint, plan, holds, counted, volumeOf, credits: credits ?? 0 }
  return priceFault(state, priced)
}
