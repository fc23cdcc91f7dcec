/** The lines of a statement that are one event each. */
import { printPosition } from '../../../events/event.ts'
import { type Micros, printTime } from '../log-reader/micros.ts'
import type { Period } from '../log-reader/period.ts'
import type { OpenHoldRow } from './open-holds.ts'
import type { Fee } from './plan-periods.ts'
import type { StatementEvent } from './statement-events.ts'
import type {
  AdjustmentLine,
  DebtLine,
  GrantLine,
  HeldLine,
  RefundLine,
} from './statement-shape.ts'

/** @param events in the order of the log; those of other types and times have no line */
export function refundLines(
  { shard, period }: { readonly shard: number; readonly period: Period },
  events: readonly StatementEvent[],
): RefundLine[] {
  return events
    .filter(({ type, occurredAt }) => type === 'ChargeRefunded' && isInPeriod(period, occurredAt))
    .map((event) => ({
      ...positionAndTime(shard, event),
      requestId: event.requestId ?? '',
      keyId: event.keyId ?? '',
      endpoint: event.endpoint ?? '',
      credits: event.credits ?? 0,
      ...externalIdOf(event),
    }))
}

export function heldLines(shard: number, holds: readonly OpenHoldRow[]): HeldLine[] {
  return holds.map(({ requestId, keyId, endpoint, credits, ...hold }) => ({
    ...{ ...positionAndTime(shard, hold), requestId, keyId, endpoint, credits },
  }))
}

/** @param event a CreditsGranted */
export function grantLine(shard: number, event: StatementEvent): GrantLine {
  return {
    ...positionAndTime(shard, event),
    kind: String(event.payload?.kind),
    credits: event.credits ?? 0,
    startsAt: printTime(event.startsAt ?? event.recordedAt),
    expiresAt: printTime(event.expiresAt),
    ...externalIdOf(event),
    ...(event.payload?.paid ? { paid: event.payload.paid as Fee } : {}),
  }
}

/** @param event a CreditsAdjusted */
export function adjustmentLine(shard: number, event: StatementEvent): AdjustmentLine {
  const repaysDebt = event.payload?.repaysDebt === true
  return { ...debtLine(shard, event), ...(repaysDebt ? { repaysDebt } : {}) }
}

/** @param event a DebtRecorded */
export function debtLine(shard: number, event: StatementEvent): DebtLine {
  return { ...positionAndTime(shard, event), credits: event.credits ?? 0, ...externalIdOf(event) }
}

export function isInPeriod({ start, end }: Period, time: Micros): boolean {
  return time >= start && time < end
}

function positionAndTime(
  shard: number,
  { position, occurredAt }: { readonly position: number; readonly occurredAt: Micros },
): { position: string; time: string } {
  return { position: printPosition({ shard, position }), time: printTime(occurredAt) }
}

function externalIdOf(event: StatementEvent): { externalId?: string } {
  const externalId = event.payload?.externalId
  return typeof externalId === 'string' ? { externalId } : {}
}
