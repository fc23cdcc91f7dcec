/** Whether payloads are those of their types: a field that a type does not have is as wrong as one that it lacks. */
import type { TSchema } from '@sinclair/typebox'
import { type TypeCheck, TypeCompiler, type ValueError } from '@sinclair/typebox/compiler'
import { catalogue } from '../../../../events/catalogue.ts'
import { type Counted, countedOf } from '../../../../events/counted.ts'
import type { Finding } from '../log-check.ts'
import { pricedAccounts } from './check-plans.ts'
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

/** An event of a call whose payload is of no plain form, as the log's reader has it. */
export interface UnusualEvent {
  readonly position: number
  readonly type: string
  readonly accountId: string
  readonly tariff: string | null
  readonly endpoint: string | null
  readonly quantity: number | null
  readonly credits: number | null
  readonly payloadText: string
}

type ReadEvent = UnusualEvent & WithPayload

/**
 * Reads those payloads of calls that are of no plain form, and prices what they count.
 * @param readBefore of the same scan; what is read is added to it
 */
export function checkPayloads(
  state: LedgerState,
  events: readonly UnusualEvent[],
  readBefore: ReadPayloads,
): Finding[] {
  const findings: Finding[] = []
  const priced = events.length > 0 ? pricedAccounts(state) : new Set<string>()
  for (const event of events) {
    const { payload, payloadProblem } = readPayload(event, readBefore)
    const read = { ...event, payload }
    const fault =
      payloadProblem ??
      strangeBudgetsFault(state, read) ??
      strangePlanFault(priced, read) ??
      unusualPriceFault(state, read)
    if (fault !== undefined) findings.push({ position: event.position, fault })
  }
  return findings
}

interface ReadPayload extends Pick<WithPayload, 'payload'> {
  readonly payloadProblem: string | undefined
}

/** By type and text: most releases have one of a few payloads. */
export type ReadPayloads = Map<string, ReadPayload>

function readPayload({ type, payloadText }: UnusualEvent, readBefore: ReadPayloads): ReadPayload {
  const name = `${type} ${payloadText}`
  let read = readBefore.get(name)
  if (!read) {
    const payload = JSON.parse(payloadText)
    read = { payload, payloadProblem: payloadFault({ type, payload }) }
    if (readBefore.size > maxReadBefore) readBefore.clear()
    readBefore.set(name, read)
  }
  return read
}

const maxReadBefore = 1_000

/** check-budgets.ts follows the accounts that have budgets. */
function strangeBudgetsFault(
  { budgets }: LedgerState,
  { accountId, payload }: ReadEvent,
): string | undefined {
  const isStrange = payload.budgets !== undefined && !budgets.ofAccounts.has(accountId)
  return isStrange ? 'its account never had budgets' : undefined
}

/** check-plans.ts follows the calls of accounts that have plans with prices of their own. */
function strangePlanFault(
  priced: ReadonlySet<string>,
  { accountId, endpoint, payload }: ReadEvent,
): string | undefined {
  if (payload.plan === undefined) return undefined
  if (endpoint === null) return 'a lease is priced by no plan'
  return priced.has(accountId) ? undefined : 'its account never had a plan with prices of its own'
}

function unusualPriceFault(state: LedgerState, event: ReadEvent): string | undefined {
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
