/** The fold behind a statement: one event after the other, in the order of the log. */
import type { Owner } from '../../../events/account.ts'
import { type Mode, printPosition } from '../../../events/event.ts'
import type { OverageTerms } from '../../../events/overage-terms.ts'
import { type Micros, printTime } from '../../../src/reports/log-reader/micros.ts'
import type { Period } from '../../../src/reports/log-reader/period.ts'
import type { OverageLine } from '../../../src/reports/statement/overage-lines.ts'
import {
  type Fee,
  mostExpensiveFee,
  type PlanStart,
  planPeriods,
} from '../../../src/reports/statement/plan-periods.ts'
import type {
  AccountPart,
  AdjustmentLine,
  DebtLine,
  GrantLine,
  HeldLine,
  RefundLine,
} from '../../../src/reports/statement/statement-shape.ts'
import { type Charges, chargesOf } from './oracle-charges.ts'
import type { StatementEvent } from './oracle-events.ts'
import { lotMovements } from './oracle-lot-movements.ts'

export interface StatementFold {
  /** No event from this one on can change the statement. */
  isFinalBefore(event: StatementEvent): boolean
  apply(event: StatementEvent): void
  close(at: { until: Micros; mode: Mode }): {
    /** Holds taken by the period's end that are open still. */
    openHolds: number
    through: number | null
    charges: Charges
    refunds: RefundLine[]
    held: HeldLine[]
    account?: AccountPart
  }
}

interface Overage {
  readonly terms: OverageTerms
  before: number
  inPeriod: number
}

interface OpenHold {
  readonly event: StatementEvent
  /** What it holds of each lot. */
  readonly held: Map<number, number>
}

export interface StatementFoldOptions {
  readonly shard: number
  readonly period: Period
  /** With plan, lots and debt; needs the account's events from the first one on. */
  readonly withAccount: boolean
  readonly lines: boolean
}

export function statementFold(options: StatementFoldOptions): StatementFold {
  const { shard, period, withAccount } = options
  const charges = chargesOf(shard, period, options.lines)
  const lots = withAccount ? lotMovements(shard, period) : undefined
  const open = new Map<string, OpenHold>()
  let openByEnd = 0
  let lastTime: Micros = 0
  let through: number | null = null
  const refunds: RefundLine[] = []
  const grants: GrantLine[] = []
  const adjustments: AdjustmentLine[] = []
  const debts: DebtLine[] = []
  const debt = { opening: 0, recorded: 0, repaid: 0 }
  const plans: PlanStart[] = []
  const overages = new Map<number, Overage>()
  let owner: Owner | null = null
  let erasedAt: Micros = Number.POSITIVE_INFINITY

  function isFinalBefore(event: StatementEvent): boolean {
    return event.recordedAt >= period.end && openByEnd === 0
  }

  function apply(event: StatementEvent): void {
    if (event.recordedAt > lastTime) lots?.advance(event.recordedAt)
    lastTime = event.recordedAt
    through = event.position
    switch (event.type) {
      case 'AccountOpened':
        owner = event.payload?.owner as Owner
        break
      case 'PlanStarted':
        // Read only because a hold of the period is open still, what follows the period says nothing of it.
        if (event.recordedAt < period.end) plans.push(planStart(event))
        break
      case 'AccountErased':
        if (event.recordedAt < period.end) erasedAt = event.recordedAt
        break
      case 'CreditsGranted':
        lots?.grant(event)
        if (event.payload?.kind === 'overage') {
          const terms = event.payload.overage as OverageTerms
          overages.set(event.position, { terms, before: 0, inPeriod: 0 })
        }
        if (inPeriod(event)) grants.push(grantLine(event))
        break
      case 'CreditsAdjusted':
        lots?.move(event, 'adjusted')
        if (inPeriod(event)) adjustments.push(adjustmentLine(event))
        if (event.payload?.repaysDebt) countDebt(event, 'repaid')
        break
      case 'CreditsLapsed':
        lots?.move(event, 'lapsed')
        break
      case 'DebtRecorded':
        if (inPeriod(event)) debts.push(debtLine(event))
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
        countOverage(event, 1)
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
        countOverage(event, -1)
        if (inPeriod(event)) refunds.push(refundLine(event))
        break
      case 'CallsCounted':
        charges.add(event)
        break
      default: // What happens to keys, and an account's limits, moves no credits.
    }
  }

  function hold(event: StatementEvent): void {
    const id = event.requestId ?? ''
    const known = open.get(id)
    // Of a hold from before a key's statement begins.
    if (!known && event.type === 'HoldExtended') return
    const now = known ?? { event, held: new Map() }
    if (!known) {
      open.set(id, now)
      if (event.occurredAt < period.end) openByEnd++
    }
    event.lots?.forEach((lot, i) => {
      now.held.set(lot, (now.held.get(lot) ?? 0) + (event.held?.[i] ?? 0))
    })
  }

  function resolve(event: StatementEvent): void {
    const known = open.get(event.requestId ?? '')
    if (!known) return
    open.delete(event.requestId ?? '')
    if (known.event.occurredAt < period.end) openByEnd--
  }

  function countOverage(event: StatementEvent, sign: 1 | -1): void {
    event.lots?.forEach((lot, i) => {
      const overage = overages.get(lot)
      const credits = sign * (event.moved?.[i] ?? 0)
      if (overage && event.occurredAt < period.start) overage.before += credits
      else if (overage && inPeriod(event)) overage.inPeriod += credits
    })
  }

  /** What a lot comes to with the period, less what it came to before. */
  function overageLine([position, { terms, before, inPeriod }]: [number, Overage]): OverageLine {
    const { fee, per } = terms
    let units = 0
    for (let credits = 0; credits < before + inPeriod; credits += per) units++
    for (let credits = 0; credits < before; credits += per) units--
    return {
      ...{ lot: printPosition({ shard, position }), credits: inPeriod, fee, per },
      billed: { minorUnits: units * fee.minorUnits, currency: fee.currency },
    }
  }

  function countDebt(event: StatementEvent, column: 'recorded' | 'repaid'): void {
    const credits = event.credits ?? 0
    if (event.occurredAt < period.start) debt.opening += column === 'recorded' ? credits : -credits
    else if (inPeriod(event)) debt[column] += credits
  }

  function inPeriod(event: StatementEvent): boolean {
    return event.occurredAt >= period.start && event.occurredAt < period.end
  }

  function close({ until, mode }: { until: Micros; mode: Mode }) {
    for (const { event, held } of open.values()) {
      lots?.countHeld(event.occurredAt, [...held.keys()], [...held.values()])
    }
    lots?.advance(until)
    return {
      openHolds: openByEnd,
      through,
      charges: charges.print(),
      refunds,
      held: [...open.values()].filter(({ event }) => inPeriod(event)).map(heldLine),
      ...(lots ? { account: accountPart(lots.print(), until, mode) } : {}),
    }
  }

  function accountPart(
    moved: ReturnType<NonNullable<typeof lots>['print']>,
    until: Micros,
    mode: Mode,
  ): AccountPart {
    const isBill = mode === 'live' && period.day === undefined
    const held = planPeriods(plans, { shard, period, now: until, erasedAt })
    return {
      owner,
      plans: held,
      // The plan is paid once, and overage too: a month's live statement bills them.
      fee: isBill ? mostExpensiveFee(held) : null,
      overage: isBill ? [...overages].map(overageLine).filter(({ credits }) => credits !== 0) : [],
      ...moved,
      grants,
      adjustments,
      debt: { ...debt, closing: debt.opening + debt.recorded - debt.repaid, lines: debts },
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

  function grantLine(event: StatementEvent): GrantLine {
    return {
      ...locate(event),
      kind: String(event.payload?.kind),
      credits: event.credits ?? 0,
      startsAt: printTime(event.startsAt ?? event.recordedAt),
      expiresAt: printTime(event.expiresAt),
      ...externalIdOf(event),
      ...(event.payload?.paid ? { paid: event.payload.paid as Fee } : {}),
    }
  }

  function adjustmentLine(event: StatementEvent): AdjustmentLine {
    const repaysDebt = event.payload?.repaysDebt === true
    return { ...debtLine(event), ...(repaysDebt ? { repaysDebt } : {}) }
  }

  function debtLine(event: StatementEvent): DebtLine {
    return { ...locate(event), credits: event.credits ?? 0, ...externalIdOf(event) }
  }

  function refundLine(event: StatementEvent): RefundLine {
    return { ...locate(event), ...call(event), credits: event.credits ?? 0, ...externalIdOf(event) }
  }

  function heldLine({ event, held }: OpenHold): HeldLine {
    const credits = [...held.values()].reduce((sum, ofLot) => sum + ofLot, 0)
    return { ...locate(event), ...call(event), endpoint: event.endpoint, credits }
  }

  function locate(event: StatementEvent): { position: string; time: string } {
    const { position, occurredAt } = event
    return { position: printPosition({ shard, position }), time: printTime(occurredAt) }
  }

  return { isFinalBefore, apply, close }
}

function call({ requestId, keyId, endpoint }: StatementEvent) {
  return { requestId: requestId ?? '', keyId: keyId ?? '', endpoint: endpoint ?? '' }
}

function externalIdOf(event: StatementEvent): { externalId?: string } {
  const externalId = event.payload?.externalId
  return typeof externalId === 'string' ? { externalId } : {}
}
