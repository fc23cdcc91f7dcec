/**
 * Credits that no call moves: allowances and overage are those of the plan in force, once a month; a new lot repays what is owed; and
 * what an event moves adds up to its credits. Refunds are compared with their charges elsewhere.
 */
import { maxAmount } from '../../../../events/bounds.ts'
import { allowanceEnd } from '../../../pricing/allowance-of-month.ts'
import type { Purse } from '../credits/purse.ts'
import type { Finding } from '../log-check.ts'
import { followOverage } from './follow-overage.ts'
import { packFaults } from './follow-packs.ts'
import { planCredits, planOf } from './follow-plans.ts'
import { followTrial } from './follow-trials.ts'
import { type LedgerState, purseOf } from './ledger-state.ts'
import { microsOf, monthOf, type RareEvent } from './rare-events.ts'

export function followCredits(state: LedgerState, event: RareEvent): string[] {
  const { type, accountId, mode, moved, credits } = event
  const purse = purseOf(state, accountId, mode)
  const faults: string[] = []
  if (!state.accounts.has(accountId)) faults.push('its account was not open')
  if (event.actor === 'ledger' && event.columns.includes('private')) {
    faults.push('the ledger itself has nothing private to say')
  }
  if (event.columns.includes('moved')) {
    if (moved.reduce((sum, each) => sum + each, 0) !== credits) {
      faults.push('its credits are not what it moves')
    }
    if (moved.length !== event.lots.length || moved.some((each) => each <= 0)) {
      faults.push('it does not move something of each of its lots')
    }
    for (const lot of event.lots) {
      if (state.lots.get(lot)?.purse !== purse) {
        faults.push(`lot ${lot} is of another account or mode`)
      }
    }
  }
  faults.push(...repaymentFaults(event, purse))
  switch (type) {
    case 'CreditsGranted':
      return [...faults, ...followGrant(state, event, purse)]
    case 'CreditsAdjusted':
      return [...faults, ...followAdjustment(event, purse)]
    case 'CreditsLapsed':
      if (event.actor !== 'ledger') faults.push('the ledger itself lets credits lapse')
      return faults
    default:
      return faults
  }
}

const givenByPlans = ['allowance', 'trial', 'overage']

function followGrant(state: LedgerState, event: RareEvent, purse: Purse): string[] {
  const { position, recordedAt, accountId, credits, payload, actor } = event
  const { kind, startsAt, expiresAt = null } = payload
  const faults: string[] = []
  if (givenByPlans.includes(kind) !== (actor === 'ledger')) {
    faults.push('the ledger itself grants what plans give, and nothing else')
  }
  if (kind === 'allowance') {
    const month = monthOf(recordedAt)
    if (purse.allowanceMonth !== month.start) purse.allowanceGranted = 0
    const due =
      planCredits(state, state.accounts.get(accountId), recordedAt) - purse.allowanceGranted
    if (credits !== due) faults.push(`${Math.max(due, 0)} credits of allowance were due`)
    faults.push(...termFaults(state, event))
    purse.allowanceMonth = month.start
    purse.allowanceGranted += credits
  } else if (kind === 'trial') {
    faults.push(...followTrial(state, event))
  } else if (kind === 'overage') {
    faults.push(...followOverage(state, event, purse))
  } else if (expiresAt !== null) {
    if (microsOf(expiresAt) <= Math.max(recordedAt, microsOf(startsAt))) {
      faults.push('it was over before it began')
    }
  }
  if (kind !== 'allowance' && payload.rollover !== undefined) {
    faults.push('nothing but an allowance rolls over')
  }
  if (kind !== 'overage' && payload.overage !== undefined) {
    faults.push('nothing but overage is billed as it is used')
  }
  if (payload.pack !== undefined) faults.push(...packFaults(state, event))
  if (purse.debt > 0) {
    const repaid = Math.min(purse.debt, credits, maxAmount)
    purse.repayment = { position, credits: repaid }
  }
  return faults
}

/** An allowance begins with its month, and is good as long as its plan says. */
function termFaults(state: LedgerState, { accountId, recordedAt, payload }: RareEvent): string[] {
  const { startsAt, expiresAt, rollover } = payload
  const { rollover: kept } = planOf(state, state.accounts.get(accountId), recordedAt) ?? {}
  const ends = allowanceEnd(kept, recordedAt / 1_000) * 1_000
  const faults: string[] = []
  if (microsOf(startsAt) !== monthOf(recordedAt).start || microsOf(expiresAt ?? '') !== ends) {
    faults.push("an allowance is its month's")
  }
  if (rollover?.max !== kept?.max) faults.push('so much does not roll over by its plan')
  return faults
}

function followAdjustment({ payload, actor }: RareEvent, purse: Purse): string[] {
  const repays = payload.repaysDebt === true
  const faults: string[] = []
  if (repays !== (actor === 'ledger'))
    faults.push('the ledger itself repays debts, and nothing else')
  if (!repays && purse.debt > 0) faults.push('credits are taken away while some are owed')
  return faults
}

/** Whether an event repays what the lot before it was to repay. */
function repaymentFaults({ type, payload, credits }: RareEvent, purse: Purse): string[] {
  const { repayment } = purse
  if (!repayment || type === 'ChargeRefunded') return []
  purse.repayment = undefined
  const isRepaid =
    type === 'CreditsAdjusted' && payload.repaysDebt === true && credits === repayment.credits
  return isRepaid ? [] : [repaymentFault(repayment.credits)]
}

function repaymentFault(credits: number): string {
  return `${credits} credits of the lot before it were to repay a debt`
}

/** Lots that were to repay a debt and did not, by the log's end. */
export function unpaidAtEnd(state: LedgerState): Finding[] {
  const purses = [...state.purses.values()].flatMap((ofMode) => [...ofMode.values()])
  return purses.flatMap((purse) => {
    const { repayment } = purse
    if (!repayment) return []
    purse.repayment = undefined
    return [
      {
        position: repayment.position,
        fault: `${repayment.credits} of its credits were to repay a debt`,
      },
    ]
  })
}
