/** The fold behind a statement: one event after the other, in the order of the log. */
import type { Owner } from '../../events/account.ts'
import { type Mode, printPosition } from '../../events/event.ts'
import type { AccountEvent } from './account-events.ts'
import { type Charges, chargesOf } from './charges.ts'
import { lotMovements } from './lot-movements.ts'
import { type Micros, type Month, printTime } from './month.ts'
import { dearestFee, type Fee, type PlanStart, plansHeld } from './plan-periods.ts'
import type {
  AccountPart,
  AdjustmentLine,
  DebtLine,
  GrantLine,
  HeldLine,
  RefundLine,
} from './statement-shape.ts'

export interface StatementFold {
  /** No event from this one on can change the statement. */
  isFinalBefore(event: AccountEvent): boolean
  apply(event: AccountEvent): void
  close(at: { until: Micros; mode: Mode }): {
    /** Holds taken by the month's end that are open still. */
    openHolds: number
    through: number | null
    charges: Charges
    refunds: RefundLine[]
    held: HeldLine[]
    account?: AccountPart
  }
}

interface OpenHold {
  readonly event: AccountEvent
  /** What it holds of each lot. */
  readonly held: Map<number, number>
}

export interface StatementFoldOptions {
  readonly shard: number
  readonly month: Month
  /** With plan, lots and debt; needs the account's events from the first one on. */
  readonly withAccount: boolean
  readonly lines: boolean
}

export function statementFold(options: StatementFoldOptions): StatementFold {
  const { shard, month, withAccount } = options
  const charges = chargesOf(shard, month, options.lines)
  const lots = withAccount ? lotMovements(shard, month) : undefined
  const open = new Map<string, OpenHold>()
  let openByMonthsEnd = 0
  let lastTime: Micros = 0
  let through: number | null = null
  const refunds: RefundLine[] = []
  const grants: GrantLine[] = []
  const adjustments: AdjustmentLine[] = []
  const debts: DebtLine[] = []
  const debt = { opening: 0, recorded: 0, repaid: 0 }
  const plans: PlanStart[] = []
  let owner: Owner | null = null
  let erasedAt: Micros = Number.POSITIVE_INFINITY

  function isFinalBefore(event: AccountEvent): boolean {
    return event.recordedAt >= month.end && openByMonthsEnd === 0
  }

  function apply(event: AccountEvent): void {
    if (event.recordedAt > lastTime) lots?.advance(event.recordedAt)
    lastTime = event.recordedAt
    through = event.position
    switch (event.type) {
      case 'AccountOpened':
        owner = event.payload?.owner as Owner
        break
      case 'PlanStarted':
        plans.push(planStart(event))
        break
      case 'AccountErased':
        erasedAt = event.recordedAt
        break
      case 'CreditsGranted':
        lots?.grant(event)
        if (inMonth(event)) grants.push(grantLine(event))
        break
      case 'CreditsAdjusted':
        lots?.move(event, 'adjusted')
        if (inMonth(event)) adjustments.push(adjustmentLine(event))
        if (event.payload?.repaysDebt) countDebt(event, 'repaid')
        break
      case 'DebtRecorded':
        if (inMonth(event)) debts.push(debtLine(event))
        countDebt(event, 'recorded')
        break
      case 'CreditsHeld':
      case 'HoldExtended':
        lots?.hold(event)
        hold(event)
        break
      case 'HoldSettled':
        lots?.hold(event)
        lots?.move(event, 'settled')
        charges.add(event)
        resolve(event)
        break
      case 'HoldReleased':
      case 'HoldExpired':
        lots?.hold(event)
        resolve(event)
        break
      case 'ChargeRefunded':
        lots?.move(event, 'refunded')
        if (inMonth(event)) refunds.push(refundLine(event))
        break
      case 'CallsCounted':
        charges.add(event)
        break
      default: // What happens to keys, and an account's limits, moves no credits.
    }
  }

  function hold(event: AccountEvent): void {
    const id = event.requestId ?? ''
    const known = open.get(id)
    const now = known ?? { event, held: new Map() }
    if (!known) {
      open.set(id, now)
      if (event.occurredAt < month.end) openByMonthsEnd++
    }
    event.lots?.forEach((lot, i) => {
      now.held.set(lot, (now.held.get(lot) ?? 0) + (event.held?.[i] ?? 0))
    })
  }

  function resolve(event: AccountEvent): void {
    const known = open.get(event.requestId ?? '')
    if (!known) return
    open.delete(event.requestId ?? '')
    if (known.event.occurredAt < month.end) openByMonthsEnd--
  }

  function countDebt(event: AccountEvent, column: 'recorded' | 'repaid'): void {
    const credits = event.credits ?? 0
    if (event.occurredAt < month.start) debt.opening += column === 'recorded' ? credits : -credits
    else if (inMonth(event)) debt[column] += credits
  }

  function inMonth(event: AccountEvent): boolean {
    return event.occurredAt >= month.start && event.occurredAt < month.end
  }

  function close({ until, mode }: { until: Micros; mode: Mode }) {
    for (const { event, held } of open.values()) {
      lots?.countHeld(event.occurredAt, [...held.keys()], [...held.values()])
    }
    lots?.advance(until)
    return {
      openHolds: openByMonthsEnd,
      through,
      charges: charges.print(),
      refunds,
      held: [...open.values()].filter(({ event }) => inMonth(event)).map(heldLine),
      ...(lots ? { account: accountPart(lots.print(), until, mode) } : {}),
    }
  }

  function accountPart(
    moved: ReturnType<NonNullable<typeof lots>['print']>,
    until: Micros,
    mode: Mode,
  ): AccountPart {
    const held = plansHeld(plans, { shard, month, now: until, erasedAt })
    return {
      owner,
      plans: held,
      // The plan is paid once: the live statement bills it.
      fee: mode === 'live' ? dearestFee(held) : null,
      ...moved,
      grants,
      adjustments,
      debt: { ...debt, closing: debt.opening + debt.recorded - debt.repaid, lines: debts },
    }
  }

  function planStart(event: AccountEvent): PlanStart {
    return {
      position: event.position,
      plan: String(event.payload?.plan),
      fee: event.payload?.fee as Fee,
      startsAt: event.startsAt ?? event.recordedAt,
      recordedAt: event.recordedAt,
    }
  }

  function grantLine(event: AccountEvent): GrantLine {
    return {
      ...place(event),
      kind: String(event.payload?.kind),
      credits: event.credits ?? 0,
      startsAt: printTime(event.startsAt ?? event.recordedAt),
      expiresAt: printTime(event.expiresAt),
      ...externalIdOf(event),
      ...(event.payload?.paid ? { paid: event.payload.paid as Fee } : {}),
    }
  }

  function adjustmentLine(event: AccountEvent): AdjustmentLine {
    const repaysDebt = event.payload?.repaysDebt === true
    return { ...debtLine(event), ...(repaysDebt ? { repaysDebt } : {}) }
  }

  function debtLine(event: AccountEvent): DebtLine {
    return { ...place(event), credits: event.credits ?? 0, ...externalIdOf(event) }
  }

  function refundLine(event: AccountEvent): RefundLine {
    return { ...place(event), ...call(event), credits: event.credits ?? 0, ...externalIdOf(event) }
  }

  function heldLine({ event, held }: OpenHold): HeldLine {
    const credits = [...held.values()].reduce((sum, ofLot) => sum + ofLot, 0)
    return { ...place(event), ...call(event), credits }
  }

  function place(event: AccountEvent): { position: string; time: string } {
    const { position, occurredAt } = event
    return { position: printPosition({ shard, position }), time: printTime(occurredAt) }
  }

  return { isFinalBefore, apply, close }
}

function call({ requestId, keyId, endpoint }: AccountEvent) {
  return { requestId: requestId ?? '', keyId: keyId ?? '', endpoint: endpoint ?? '' }
}

function externalIdOf(event: AccountEvent): { externalId?: string } {
  const externalId = event.payload?.externalId
  return typeof externalId === 'string' ? { externalId } : {}
}
