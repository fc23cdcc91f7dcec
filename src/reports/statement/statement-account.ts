/** The lines of a statement that are events of their own: what an account does beside its calls. */
import type { Owner } from '../../../events/account.ts'
import type { EventType } from '../../../events/catalogue.ts'
import { type Mode, printPosition } from '../../../events/event.ts'
import type { StatementEvent } from '../log-reader/account-events.ts'
import { type Micros, printTime } from '../log-reader/month.ts'
import type { Period } from '../log-reader/period.ts'
import { lotMovements } from './lot-movements.ts'
import { type Fee, mostExpensiveFee, type PlanStart, planPeriods } from './plan-periods.ts'
import type {
  AccountPart,
  AdjustmentLine,
  DebtLine,
  GrantLine,
  HeldLine,
  RefundLine,
} from './statement-shape.ts'
import type { LotSum, OpenHoldRow } from './statement-sums.ts'

interface Place {
  readonly shard: number
  readonly period: Period
}

/** Types of events that have a line, or decide about one. */
export const lineTypes: readonly string[] = [
  'AccountOpened',
  'PlanStarted',
  'AccountErased',
  'CreditsGranted',
  'CreditsAdjusted',
  'DebtRecorded',
  'ChargeRefunded',
] satisfies EventType[]

/** @param events the account's, of `lineTypes`, from the first one on, in their order */
export function accountPart(
  { shard, period }: Place,
  {
    events,
    laterGrants,
    sums,
    until,
    mode,
  }: {
    readonly events: readonly StatementEvent[]
    /** Lots granted after the period, on which a hold of it was extended. */
    readonly laterGrants: readonly StatementEvent[]
    readonly sums: readonly LotSum[]
    readonly until: Micros
    readonly mode: Mode
  },
): AccountPart {
  const of = (type: EventType) => events.filter((event) => event.type === type)
  const inPeriod = (type: EventType) => of(type).filter((event) => isIn(period, event.occurredAt))
  const erasedAt = of('AccountErased')[0]?.recordedAt ?? Number.POSITIVE_INFINITY
  const plans = planPeriods(of('PlanStarted').map(planStart), {
    shard,
    period,
    now: until,
    erasedAt,
  })
  const grants = [...of('CreditsGranted'), ...laterGrants]
  const moved = lotMovements(shard, period, { grants, sums, until })
  return {
    owner: (of('AccountOpened')[0]?.payload?.owner as Owner | undefined) ?? null,
    plans,
    // The plan is paid once: a month's live statement bills it.
    fee: mode === 'live' && period.day === undefined ? mostExpensiveFee(plans) : null,
    ...moved,
    grants: inPeriod('CreditsGranted').map((event) => grantLine(shard, event)),
    adjustments: inPeriod('CreditsAdjusted').map((event) => adjustmentLine(shard, event)),
    debt: debtOf(shard, period, {
      recorded: of('DebtRecorded'),
      repaid: of('CreditsAdjusted').filter(({ payload }) => payload?.repaysDebt),
    }),
  }
}

/** @param events in their order */
export function refundLines(
  { shard, period }: Place,
  events: readonly StatementEvent[],
): RefundLine[] {
  return events
    .filter(({ type, occurredAt }) => type === 'ChargeRefunded' && isIn(period, occurredAt))
    .map((event) => ({
      ...place(shard, event),
      ...{
        requestId: event.requestId ?? '',
        keyId: event.keyId ?? '',
        endpoint: event.endpoint ?? '',
      },
      credits: event.credits ?? 0,
      ...externalIdOf(event),
    }))
}

export function heldLines(shard: number, holds: readonly OpenHoldRow[]): HeldLine[] {
  return holds.map(({ requestId, keyId, endpoint, credits, ...hold }) => ({
    ...{ ...place(shard, hold), requestId, keyId, endpoint, credits },
  }))
}

function debtOf(
  shard: number,
  period: Period,
  { recorded, repaid }: Record<'recorded' | 'repaid', readonly StatementEvent[]>,
): AccountPart['debt'] {
  const sum = (events: readonly StatementEvent[], counts: (at: Micros) => boolean) =>
    events.reduce(
      (total, { occurredAt, credits }) => total + (counts(occurredAt) ? (credits ?? 0) : 0),
      0,
    )
  const before = (at: Micros) => at < period.start
  const inPeriod = (at: Micros) => isIn(period, at)
  const opening = sum(recorded, before) - sum(repaid, before)
  const debt = { opening, recorded: sum(recorded, inPeriod), repaid: sum(repaid, inPeriod) }
  return {
    ...debt,
    closing: debt.opening + debt.recorded - debt.repaid,
    lines: recorded
      .filter(({ occurredAt }) => inPeriod(occurredAt))
      .map((event) => debtLine(shard, event)),
  }
}

function planStart(event: StatementEvent): PlanStart {
  return {
    position: event.position,
    plan: String(event.payload?.plan),
    fee: event.payload?.fee as Fee,
    startsAt: event.startsAt ?? event.recordedAt,
    recordedAt: event.recordedAt,
  }
}

function grantLine(shard: number, event: StatementEvent): GrantLine {
  return {
    ...place(shard, event),
    kind: String(event.payload?.kind),
    credits: event.credits ?? 0,
    startsAt: printTime(event.startsAt ?? event.recordedAt),
    expiresAt: printTime(event.expiresAt),
    ...externalIdOf(event),
    ...(event.payload?.paid ? { paid: event.payload.paid as Fee } : {}),
  }
}

function adjustmentLine(shard: number, event: StatementEvent): AdjustmentLine {
  const repaysDebt = event.payload?.repaysDebt === true
  return { ...debtLine(shard, event), ...(repaysDebt ? { repaysDebt } : {}) }
}

function debtLine(shard: number, event: StatementEvent): DebtLine {
  return { ...place(shard, event), credits: event.credits ?? 0, ...externalIdOf(event) }
}

function place(
  shard: number,
  { position, occurredAt }: { readonly position: number; readonly occurredAt: Micros },
): { position: string; time: string } {
  return { position: printPosition({ shard, position }), time: printTime(occurredAt) }
}

function externalIdOf(event: StatementEvent): { externalId?: string } {
  const externalId = event.payload?.externalId
  return typeof externalId === 'string' ? { externalId } : {}
}

function isIn({ start, end }: Period, time: Micros): boolean {
  return time >= start && time < end
}
