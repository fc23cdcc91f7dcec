/** Events in plain words, for people who read a history. */
import type { EventType } from '../../../events/catalogue.ts'
import type { RecordedEvent } from '../../../events/event.ts'
import { knownType } from '../../../events/event-types.ts'

type Described = Pick<
  RecordedEvent,
  'type' | 'payload' | 'credits' | 'quantity' | 'slots' | 'endpoint'
>

/** One sentence without a full stop. Personal data, which is encrypted, is not in it. */
export function describeEvent(event: Described): string {
  const type = knownType(event.type)
  return type ? sentences[type](event) : event.type
}

const sentences: Readonly<Record<EventType, (event: Described) => string>> = {
  AccountOpened: () => 'Account opened',
  PlanStarted: ({ payload }) => `Plan ${payload.plan} starts ${day(payload.from)}`,
  PlanEnded: ({ payload }) => `Plan ${payload.plan} ends ${day(payload.at)}`,
  AccountLimitsChanged: ({ payload }) => `Account limits changed: ${changes(payload)}`,
  AccountFrozen: () => 'Account frozen: its keys cannot call',
  AccountUnfrozen: () => 'Account unfrozen',
  AccountErased: () => 'Account erased: its personal data cannot be read any more',

  KeyIssued: ({ payload }) => `Key ${payload.display} issued`,
  KeyImported: ({ payload }) => `Key ${payload.display} imported`,
  KeyUpdated: ({ payload }) =>
    `Key changed: ${changes(payload) || 'name, description or addresses'}`,
  KeyLimitsChanged: ({ payload }) => `Key limits changed: ${changes(payload)}`,
  KeyEnabled: () => 'Key enabled',
  KeyDisabled: () => 'Key disabled',
  KeyRotated: ({ payload }) =>
    payload.previousUntil
      ? `Key given a new secret, ${payload.display}; the old one works until ${minute(payload.previousUntil)}`
      : `Key given a new secret, ${payload.display}; the old one is dead`,
  KeyRevoked: () => 'Key revoked',

  CreditsGranted: ({ credits, payload }) => {
    const until = payload.expiresAt ? `, good until ${minute(payload.expiresAt)}` : ''
    return `${amount(credits)} granted (${payload.kind})${until}`
  },
  CreditsAdjusted: ({ credits, payload }) =>
    `${amount(credits)} taken ${payload.repaysDebt ? 'to repay a debt' : 'away'}`,
  DebtRecorded: ({ credits }) => `${amount(credits)} owed, to be taken from the next grant`,
  CreditsHeld: ({ credits, slots, endpoint }) =>
    slots === null
      ? `Up to ${amount(credits)} held for a call of ${endpoint}`
      : `${amount(credits)} reserved by a lease, for ${count(slots, 'call')} at once`,
  HoldExtended: ({ credits, endpoint }) =>
    credits === 0
      ? `The hold of a call of ${endpoint} lasts longer`
      : `The hold of a call of ${endpoint} extended by ${amount(credits)}`,
  HoldSettled: ({ credits, endpoint, payload }) =>
    `${amount(credits)} charged for a call of ${endpoint}${termination(payload.terminatedBy)}`,
  HoldReleased: ({ credits, slots, endpoint, payload }) => {
    if (slots !== null) return `${amount(credits)} freed that a lease had reserved`
    const call = `call of ${endpoint} was not charged (${payload.reason})`
    return payload.lease ? `A ${call}` : `${amount(credits)} freed: a ${call}`
  },
  HoldExpired: ({ credits, slots, endpoint }) =>
    slots === null
      ? `${amount(credits)} freed: a call of ${endpoint} was never finished, and not charged`
      : `${amount(credits)} freed that a lease had reserved until its gateway ended`,
  ChargeRefunded: ({ credits, endpoint }) =>
    `${amount(credits)} refunded for a call of ${endpoint}`,
  CallsCounted: ({ quantity, endpoint }) => `${count(quantity ?? 0, 'free call')} of ${endpoint}`,
  UsageImported: ({ credits, quantity, endpoint }) =>
    `${count(quantity ?? 0, 'call')} of ${endpoint} and ${amount(credits)} taken over from the service before`,

  TariffPublished: ({ payload }) =>
    `Tariff ${String(payload.hash).slice(0, 12)} published, in force from ${minute(payload.from)}`,
  LogRestored: ({ payload }) =>
    `Log restored: what stood from position ${payload.lostFrom} on was lost (${payload.reason})`,
}

/** How a stream ended before its end, as an addition to a sentence. */
function termination(terminatedBy: unknown): string {
  switch (terminatedBy) {
    case 'client':
      return ', which the client left early'
    case 'upstream':
      return ', which the upstream broke off'
    case 'hold':
      return ', terminated because its hold could not be extended'
    default:
      return ''
  }
}

function amount(credits: number | null): string {
  return count(credits ?? 0, 'credit')
}

function count(number: number, noun: string): string {
  return `${number.toLocaleString('en')} ${noun}${number === 1 ? '' : 's'}`
}

/** `rateLimit 10, expiresAt none` */
function changes(payload: Record<string, unknown>): string {
  return Object.entries(payload)
    .map(
      ([field, value]) => `${field} ${Array.isArray(value) ? value.join(' ') : (value ?? 'none')}`,
    )
    .join(', ')
}

function day(time: unknown): string {
  return String(time).slice(0, 10)
}

/** `2026-01-31 12:00 UTC` */
function minute(time: unknown): string {
  const date = new Date(String(time))
  return Number.isNaN(date.getTime())
    ? String(time)
    : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
