/** Prints why a call was charged, or what the ledger decides about one. */

import { budgetWords } from '../../../events/budget.ts'
import type { Counted } from '../../../events/counted.ts'
import { printPosition } from '../../../events/event.ts'
import type { StoredRefusal } from '../../ledger/refusals/stored-refusals.ts'
import { formatPartsOfCredits } from '../../lib/credit-scale.ts'
import { printable } from '../../lib/printable-text.ts'
import { shortPriceText } from '../../pricing/price-text.ts'
import type { Rate } from '../../pricing/rate.ts'
import { type RefusalCode, refusals } from '../../problems/refusal.ts'
import type { Charge } from '../../reports/charge/charge-shape.ts'
import type { CallExplanation } from '../../reports/explain/explain-call.ts'
import type { Explanation } from '../../reports/explain/explain-verdict.ts'
import {
  asCredits,
  bold,
  creditFigure,
  creditScale,
  credits,
  dim,
  formatNumber,
  green,
  heading,
  pairs,
  red,
  say,
  table,
  time,
  yellow,
} from '../output.ts'
import { budgetText } from './budget-text.ts'

const earlyEnds: Readonly<Record<NonNullable<Charge['terminatedBy']>, string>> = {
  client: 'The response ended early: its client left. What was sent is charged.',
  upstream: 'The response ended early: the upstream broke it off. What was sent is charged.',
  hold: 'The response ended early: its hold could not be extended, such as when credits or the cap of the key are used up. What was sent is charged.',
  gateway:
    'The response ended early: its gateway did not settle it in time. What it had said was sent is charged.',
}

export function printVerdict(explanation: Explanation): void {
  const { position, decision } = explanation
  const passes = decision.verdict === 'ok' || decision.verdict === 'free'
  const colour = passes ? green : red
  say(`${bold(colour(decision.verdict))}: ${printable(verdictText(explanation))}`)
  say(dim(`As of ${position}, ${time(explanation.time)} UTC.`))
  printState(explanation)
  say(dim('\nRate limits and IP addresses are not in the log, and were not checked.'))
}

export function printCall({ charge, held, settled, disagreements }: CallExplanation): void {
  say(`${bold(charge.status)}: ${printable(outcomeText({ charge, settled }))}`)
  printState(held)
  if (charge.terminatedBy) say(`\n${yellow(earlyEnds[charge.terminatedBy])}`)
  heading('What happened')
  const { positions } = charge
  table(
    ['Time (UTC)', 'Position', 'What'],
    [
      charge.onLease
        ? ['', positions.held, 'lease granted, for calls to come']
        : [time(charge.heldAt), positions.held, `${credits(held.call.credits ?? 0)} held`],
      ...(positions.extended ?? []).map((at) => ['', at, 'hold extended']),
      ...(charge.resolvedAt === null
        ? []
        : [
            [
              time(charge.resolvedAt),
              positions.settled ?? positions.released ?? positions.expired ?? '',
              charge.status,
            ],
          ]),
      ...(positions.refunded ?? []).map((at) => ['', at, 'refunded']),
    ],
  )
  if (settled) printArithmetic(settled)
  if (disagreements.length === 0) {
    say(dim('\nDecided again from the log: it is as the rules make it.'))
  } else {
    heading(red('The rules say otherwise'))
    for (const fault of disagreements) say(printable(fault))
  }
}

type Settled = NonNullable<CallExplanation['settled']>

/** Quantity by rate for each component, and what rounding adds. What is free costs nothing in any way. */
function printArithmetic({ arithmetic, rounding, volume, credits: charged }: Settled): void {
  if (arithmetic.length === 0) return
  const before = volume === undefined ? '' : `, after ${formatNumber(volume)} in the month`
  const amount = (text: string) => formatPartsOfCredits(text, creditScale())
  heading(`What it costs${before}`)
  table(
    ['Component', 'Rate', 'Quantity', 'Each', 'Amount'],
    [
      ...arithmetic.map(({ component, by, quantity, rate, amount: of }) => [
        component,
        by ?? '',
        quantity,
        eachText(rate),
        amount(of),
      ]),
      ['rounding', '', null, '', amount(rounding)],
      ['charged', '', null, '', amount(`${charged}.000000`)],
    ],
  )
}

/** `3 credits`, `1 credit for each started 1,000`, `15 credits per million` */
function eachText(rate: Rate): string {
  if ('perMillion' in rate) return `${credits(rate.perMillion)} per million`
  return rate.unit === 1
    ? credits(rate.credits)
    : `${credits(rate.credits)} for each started ${formatNumber(rate.unit)}`
}

/** @param options what a command needs to read the same ledger and configuration: ` --data .tollbook-2` */
export function printRefused(refused: StoredRefusal, options: string): void {
  const { endpoint, keyId, reason, figures, refusedAt, accountId } = refused
  const { status, title } = refusals[reason as RefusalCode] ?? { status: '', title: reason }
  say(
    `${bold(red('refused'))}: a call of ${printable(endpoint)} by ${keyId} got ${status} ${reason}.`,
  )
  say(dim(`${title}. At ${time(refusedAt.toISOString())} UTC; nothing was held or charged.`))
  say('')
  pairs([['Account', accountId]])
  if (Object.keys(figures).length > 0) {
    heading('What its client read, beside the code')
    pairs(Object.entries(figures))
  }
  say(dim('\nIts detail and errors are not kept: they can repeat what was in the request.'))
  const { position, required } = figures
  if (position === undefined) return
  const call = `--route ${endpoint}${required === undefined ? '' : ` --credits ${required}`}`
  const at = `--at ${position} --time ${refusedAt.toISOString()}`
  say(
    dim(`To decide it again from the log: tollbook explain --key ${keyId} ${at} ${call}${options}`),
  )
}

function outcomeText({ charge, settled }: Pick<CallExplanation, 'charge' | 'settled'>): string {
  const of = `a call of ${charge.endpoint} by ${charge.keyId}`
  switch (charge.status) {
    case 'settled': {
      const count = settled ? ` for ${countedText(settled)}` : ''
      const short = charge.shortfall
        ? `; it cost ${creditFigure(charge.shortfall)} more than was held`
        : ''
      const back = charge.refunded > 0 ? `; refunded since: ${credits(charge.refunded)}` : ''
      return `${of} was charged ${credits(charge.credits)}${count}${short}${back}.`
    }
    case 'released':
      return `${of} was not charged: ${charge.reason ?? 'its hold was released'}.`
    case 'expired':
      return `${of} was not charged: its gateway did not settle it in time.`
    case 'held':
      return `${of} is in flight: ${credits(charge.heldCredits)} are held for it.`
  }
}

/** `a quantity of 3`, `base 1, pixels 1,048,576, at the rate of large` */
function countedText({ quantity, parts, by, volume }: Counted): string {
  const each = Object.entries(parts ?? {}).map(([name, of]) => `${name} ${formatNumber(of)}`)
  const what = parts ? each.join(', ') : `a quantity of ${formatNumber(quantity)}`
  const after = volume === undefined ? '' : `, after ${formatNumber(volume)} in the month`
  return `${what}${by === undefined ? '' : `, at the rate of ${by}`}${after}`
}

function printState(explanation: Explanation): void {
  const { call, state, decision, keyId, position } = explanation
  const { key, account, tariff, credits: had } = state
  const shard = Number(position.split('-')[0])
  const at = (position: number) => dim(`  (${printPosition({ shard, position })})`)
  say('')
  pairs([
    [
      'Key',
      key ? `${keyId}, ${key.display}, ${keyState(state)}${at(key.position)}` : 'does not exist',
    ],
    [
      'Account',
      `${account.accountId}, ${account.frozen ? 'frozen' : account.erased ? 'erased' : 'open'}`,
    ],
    ['Plan', account.plan ? `${account.plan.name}${at(account.plan.position)}` : 'none'],
    [
      'Tariff',
      tariff
        ? `${tariff.hash.slice(0, 12)}, from ${time(tariff.from)} UTC${at(tariff.position)}`
        : 'none',
    ],
    [
      'Price',
      call.rule
        ? `${call.route}: ${shortPriceText(call.rule, creditScale())}${call.plan === undefined ? '' : ` (for plan ${call.plan})`}`
        : `${call.route}: none`,
    ],
    [
      'Call',
      `${call.counted === null ? '' : `${countedText(call.counted)}: `}${call.credits === null ? 'no price' : credits(call.credits)}`,
    ],
    ['Calls in flight', `${formatNumber(had.openHolds)} of ${formatNumber(decision.maxInFlight)}`],
    ['Cap of the key', decision.capLeft === null ? null : `${credits(decision.capLeft)} left`],
    ...explanation.state.budgets.map((budget): [string, string] => [
      'Budget',
      `${credits(budget.left)} left of ${budgetText(budget)}, until ${time(budget.endsAt)} UTC`,
    ]),
    ['Owed', had.debt > 0 ? `${credits(had.debt)}, which nothing is bought with` : null],
    ['Available', credits(decision.available)],
  ])
  printLots(explanation)
}

function printLots({ state, decision, position }: Explanation): void {
  const { lots } = state.credits
  const shard = Number(position.split('-')[0])
  const due = decision.allowanceDue - decision.repaid
  if (lots.length === 0 && due === 0 && decision.overageDue === 0) return
  heading('Lots, in the order in which they are drawn on')
  const drawn = (lot: number | null | 'overage') =>
    decision.draws.find((draw) => draw.lot === lot)?.credits ?? 0
  const lineOf = (lot: (typeof lots)[number]) => [
    printPosition({ shard, position: lot.lot }),
    lot.kind,
    lot.expiresAt === null ? 'never' : time(lot.expiresAt),
    asCredits(lot.free),
    asCredits(drawn(lot.lot)),
  ]
  const isAllowance = ({ kind }: (typeof lots)[number]) => kind === 'allowance'
  table(
    ['Lot', 'Kind', 'Expires (UTC)', 'Free', 'Drawn'],
    [
      ...lots.filter(isAllowance).map(lineOf),
      ...(due > 0
        ? [['due', 'allowance', dueUntil(state), asCredits(due), asCredits(drawn(null))]]
        : []),
      ...lots.filter((lot) => !isAllowance(lot)).map(lineOf),
      ...(decision.overageDue > 0
        ? [
            [
              'due',
              'overage',
              'with the month',
              asCredits(decision.overageDue),
              asCredits(drawn('overage')),
            ],
          ]
        : []),
    ],
  )
}

function dueUntil({ account, tariff }: Explanation['state']): string {
  const { rollover } = tariff?.plans[account.plan?.name ?? ''] ?? {}
  if (!rollover) return 'with the month'
  return rollover.months === 1 ? 'a month later' : `${rollover.months} months later`
}

function keyState({ key }: Explanation['state']): string {
  if (key?.revoked) return 'revoked'
  if (!key?.enabled) return 'disabled'
  return key.expiresAt === null ? 'active' : `active until ${time(key.expiresAt)} UTC`
}

function exceededText(needs: string, { call, decision, state }: Explanation): string {
  const budget = state.budgets.find(({ name }) => name === decision.budget)
  if (!budget) throw new Error('the decision names no budget')
  const words = budgetWords(budget.name)
  return (call.credits ?? 0) <= budget.credits
    ? `${needs} and budgets leave ${creditFigure(decision.budgetLeft ?? 0)}: ${words} begins anew at ${time(budget.endsAt)} UTC.`
    : `${needs} and ${words} is ${creditFigure(budget.credits)}.`
}

function verdictText(explanation: Explanation): string {
  const { call, decision, state } = explanation
  const { available, maxInFlight, capLeft } = decision
  const needs = `the call needs ${credits(call.credits ?? 0)}`
  switch (decision.verdict) {
    case 'ok':
      return `${needs} and ${creditFigure(available)} are available: they are held, and ${creditFigure(available - (call.credits ?? 0))} are left.`
    case 'free':
      return 'the call costs nothing: it is counted, and no credits are held.'
    case 'key_unknown':
      return 'the key did not exist yet.'
    case 'key_revoked':
      return 'the key was revoked by then.'
    case 'key_disabled':
      return 'the key was disabled.'
    case 'key_expired':
      return `the key had expired, at ${time(state.key?.expiresAt ?? '')} UTC.`
    case 'account_frozen':
      return `the account was ${state.account.erased ? 'erased' : 'frozen'}.`
    case 'endpoint_not_allowed':
      return `plan ${state.account.plan?.name ?? 'none'} or the key did not give the route's permission.`
    case 'price_missing':
      return 'the tariff in force had no price for the route.'
    case 'concurrency_exceeded':
      return `the account had ${formatNumber(state.credits.openHolds)} calls in flight, and may have ${formatNumber(maxInFlight)}.`
    case 'key_cap_reached':
      return `${needs} and the key's monthly cap leaves ${creditFigure(capLeft ?? 0)}.`
    case 'amount_out_of_range':
      return `${needs}, more than one call can cost.`
    case 'insufficient_credits':
      return `${needs} and ${creditFigure(available)} are available.`
    case 'budget_exceeded':
      return exceededText(needs, explanation)
    default:
      return decision.verdict satisfies never
  }
}
