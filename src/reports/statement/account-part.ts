/**
 * The part of a statement that a key's does not have: plans, fee, lots, grants, adjustments and debt of the account.
 */
import type { Owner } from '../../../events/account.ts'
import type { EventType } from '../../../events/catalogue.ts'
import type { Mode } from '../../../events/event.ts'
import { addSums, subtractSums } from '../../lib/sums.ts'
import type { Micros } from '../log-reader/micros.ts'
import type { Period } from '../log-reader/period.ts'
import { adjustmentLine, debtLine, grantLine, isInPeriod } from './event-lines.ts'
import { lotMovements } from './lot-movements.ts'
import type { LotSum } from './lot-sums.ts'
import { overageLines } from './overage-lines.ts'
import { type Fee, mostExpensiveFee, type PlanStart, planPeriods } from './plan-periods.ts'
import type { StatementEvent } from './statement-events.ts'
import type { AccountPart } from './statement-shape.ts'

/** @param events the account's, of `lineTypes`, from the first one on and in the order of the log */
export function accountPart(
  { shard, period }: { readonly shard: number; readonly period: Period },
  {
    events,
    laterGrants,
    lotSums,
    until,
    mode,
  }: {
    readonly events: readonly StatementEvent[]
    /** Grants after the period whose lots extended a hold of the period. */
    readonly laterGrants: readonly StatementEvent[]
    readonly lotSums: readonly LotSum[]
    /** The period's end, or the present time while it runs. */
    readonly until: Micros
    readonly mode: Mode
  },
): AccountPart {
  const of = (type: EventType) => events.filter((event) => event.type === type)
  const inPeriod = (type: EventType) =>
    of(type).filter((event) => isInPeriod(period, event.occurredAt))
  const erasedAt = of('AccountErased')[0]?.recordedAt ?? Number.POSITIVE_INFINITY
  const starts = of('PlanStarted').map(planStart)
  const plans = planPeriods(starts, { shard, period, now: until, erasedAt })
  const grants = [...of('CreditsGranted'), ...laterGrants]
  const isBill = mode === 'live' && period.day === undefined
  return {
    owner: (of('AccountOpened')[0]?.payload?.owner as Owner | undefined) ?? null,
    plans,
    // The plan is paid once, and overage too: a month's statement of live mode bills them.
    fee: isBill ? mostExpensiveFee(plans) : null,
    overage: isBill ? overageLines(shard, grants, lotSums) : [],
    ...lotMovements(shard, period, {
      ...{ grants, sums: lotSums, until },
      lapsed: inPeriod('CreditsLapsed'),
    }),
    grants: inPeriod('CreditsGranted').map((event) => grantLine(shard, event)),
    adjustments: inPeriod('CreditsAdjusted').map((event) => adjustmentLine(shard, event)),
    debt: debtOf(shard, period, {
      recorded: of('DebtRecorded'),
      repaid: of('CreditsAdjusted').filter(({ payload }) => payload?.repaysDebt),
    }),
  }
}

function debtOf(
  shard: number,
  period: Period,
  { recorded, repaid }: Record<'recorded' | 'repaid', readonly StatementEvent[]>,
): AccountPart['debt'] {
  const sum = (events: readonly StatementEvent[], counts: (at: Micros) => boolean) =>
    addSums(
      ...events.filter(({ occurredAt }) => counts(occurredAt)).map(({ credits }) => credits ?? 0),
    )
  const before = (at: Micros) => at < period.start
  const inPeriod = (at: Micros) => isInPeriod(period, at)
  const opening = subtractSums(sum(recorded, before), sum(repaid, before))
  const debt = { opening, recorded: sum(recorded, inPeriod), repaid: sum(repaid, inPeriod) }
  return {
    ...debt,
    closing: subtractSums(addSums(debt.opening, debt.recorded), debt.repaid),
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
    isProrated: event.payload?.firstMonth === 'prorated',
    startsAt: event.startsAt ?? event.recordedAt,
    recordedAt: event.recordedAt,
  }
}
