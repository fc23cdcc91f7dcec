/** Credits that the ledger moves of itself: allowances and overage that are due, and debts that are repaid. */
import { monthOf } from '../../support/log.ts'
import {
  allowanceDue,
  balanceOf,
  draw,
  freeOf,
  lapseDue,
  overageDue,
  overageTerms,
  ownLots,
  planAt,
  trialDue,
  type Who,
} from '../../support/log-rules.ts'
import type { Row } from '../../support/oracle.ts'
import type { MemoryLedger, NewMemoryEvent } from './memory-ledger.ts'
import { timeText } from './rows.ts'

/** Grants what is due of the month's allowance; it repays the account's debt first. */
export function grantAllowance(ledger: MemoryLedger, instance: string, who: Who): void {
  const due = allowanceDue(ledger.state, who)
  if (due <= 0) return
  const [year = 0, month = 0] = monthOf(who.now).split('-').map(Number)
  const first = (at: number) => new Date(Date.UTC(year, at, 1)).toISOString().replace('.000', '')
  const { max, months = 0 } = (planAt(ledger.state, who)?.rollover ?? {}) as Partial<Rollover>
  const payload = {
    ...{ expiresAt: first(month + months), kind: 'allowance' },
    ...(max !== undefined && { rollover: { max } }),
    startsAt: first(month - 1),
  }
  const lot = writeCredits(ledger, instance, who, { type: 'CreditsGranted', credits: due, payload })
  repayFromLot(ledger, instance, who, lot)
}

/** Grants the month's overage where it is due and nothing is owed. */
export function grantOverage(ledger: MemoryLedger, instance: string, who: Who): void {
  const again = ledger.bug === 'gives-overage-again' && overageTerms(ledger.state, who)?.max
  const due = again || overageDue(ledger.state, who)
  if (due <= 0 || debtOf(ledger, who) > 0) return
  const { fee, per } = overageTerms(ledger.state, who) ?? {}
  const [year = 0, month = 0] = monthOf(who.now).split('-').map(Number)
  const first = (at: number) => new Date(Date.UTC(year, at, 1)).toISOString().replace('.000', '')
  const payload = {
    ...{ expiresAt: first(month), kind: 'overage', overage: { fee, per } },
    startsAt: first(month - 1),
  }
  writeCredits(ledger, instance, who, { type: 'CreditsGranted', credits: due, payload })
}

interface Rollover {
  readonly max: number
  readonly months: number
}

/** Lets lapse what does not roll over. */
export function lapseRollover(ledger: MemoryLedger, instance: string, who: Who): void {
  while (ledger.bug !== 'lets-all-roll-over') {
    const due = lapseDue(ledger.state, who)
    if (!due) return
    const { lot, credits } = due
    writeCredits(ledger, instance, who, {
      ...{ type: 'CreditsLapsed', credits, payload: {}, lots: [lot], moved: [credits] },
    })
  }
}

/** Grants the trials of the plan that an account has just taken, unless it had one. */
export function grantTrials(ledger: MemoryLedger, instance: string, whose: Who): void {
  for (const mode of ['live', 'test']) {
    const who = { ...whose, mode }
    const trial = trialDue(ledger.state, who)
    if (!trial) continue
    const { credits, days } = trial
    const time = (at: number) => timeText(at).replace(' ', 'T').replace('+00', 'Z')
    const ends = who.now + days * 86_400_000_000
    const payload = { expiresAt: time(ends), kind: 'trial', startsAt: time(who.now) }
    const lot = writeCredits(ledger, instance, who, { type: 'CreditsGranted', credits, payload })
    repayFromLot(ledger, instance, who, lot)
  }
}

/** Takes an account's debt from a lot that was just granted. */
export function repayFromLot(ledger: MemoryLedger, instance: string, who: Who, lot: number): void {
  repay(ledger, instance, who, [ledger.state.lots.get(`${lot} ${ledger.shard}`) as Row])
}

/** Takes an account's debt from what is free of its live lots. */
export function repayFromLiveLots(ledger: MemoryLedger, instance: string, who: Who): void {
  if (debtOf(ledger, who) > 0) repay(ledger, instance, who, ownLots(ledger.state, who))
}

export function debtOf({ state }: MemoryLedger, who: Who): number {
  return Number(balanceOf(state, who)?.debt ?? 0)
}

function repay(ledger: MemoryLedger, instance: string, who: Who, from: readonly Row[]): void {
  const free = from.reduce((sum, lot) => sum + freeOf(lot), 0)
  const credits = Math.min(debtOf(ledger, who), free)
  if (credits === 0) return
  const { lots, taken: moved } = draw(from, credits)
  const payload = { repaysDebt: true }
  writeCredits(ledger, instance, who, { type: 'CreditsAdjusted', credits, payload, lots, moved })
}

/** An event of a rare type. The ledger is its actor, unless the event says another. */
export function writeCredits(
  ledger: MemoryLedger,
  instance: string,
  { account_id, mode, now }: Who,
  event: Partial<NewMemoryEvent> & Pick<NewMemoryEvent, 'type' | 'payload'>,
): number {
  return ledger.write({
    ...{ occurred_at: now, stream_version: null, account_id, key_id: null, mode },
    ...{ request_id: null, endpoint: null, tariff: null, credits: null, quantity: null },
    ...{ slots: null, status: null, latency_ms: null, lots: null, held: null, moved: null },
    ...{ actor: 'ledger', instance, private: null },
    ...event,
  } as unknown as NewMemoryEvent)
}
