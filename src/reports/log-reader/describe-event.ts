/** Events in plain words, for people who read a history. */
import type { EventType } from '../../../events/catalogue.ts'
import type { RecordedEvent } from '../../../events/event.ts'

type Described = Pick<
  RecordedEvent,
  'type' | 'payload' | 'credits' | 'quantity' | 'slots' | 'endpoint' | 'keyId'
>

/** One sentence without a full stop. Personal data, which is encrypted, is not in it. */
export function describeEvent(event: Described): string {
  const { payload, endpoint, quantity, slots } = event
  const credits = count(event.credits ?? 0, 'credit')
  const known = event.type as EventType
  switch (known) {
    case 'AccountOpened':
      return 'Account opened'
    case 'PlanStarted':
      return `Plan ${payload.plan} starts ${day(payload.from)}`
    case 'PlanEnded':
      return `Plan ${payload.plan} ends ${day(payload.at)}`
    case 'AccountLimitsChanged':
      return `Account limits changed: ${changes(payload)}`
    case 'AccountFrozen':
      return 'Account frozen: its keys cannot buy'
    case 'AccountUnfrozen':
      return 'Account unfrozen'
    case 'AccountErased':
      return 'Account erased: its personal data cannot be read any more'
    case 'KeyIssued':
      return `Key ${payload.display} issued`
    case 'KeyImported':
      return `Key ${payload.display} imported`
    case 'KeyUpdated':
      return `Key changed: ${changes(payload) || 'name, description or addresses'}`
    case 'KeyLimitsChanged':
      return `Key limits changed: ${changes(payload)}`
    case 'KeyEnabled':
      return 'Key enabled'
    case 'KeyDisabled':
      return 'Key disabled'
    case 'KeyRotated':
      return payload.previousUntil
        ? `Key given a new secret, ${payload.display}; the old one works until ${minute(payload.previousUntil)}`
        : `Key given a new secret, ${payload.display}; the old one is dead`
    case 'KeyRevoked':
      return 'Key revoked'
    case 'CreditsGranted':
      return `${credits} granted (${payload.kind})${payload.expiresAt ? `, good until ${minute(payload.expiresAt)}` : ''}`
    case 'CreditsAdjusted':
      return payload.repaysDebt ? `${credits} taken to repay a debt` : `${credits} taken away`
    case 'DebtRecorded':
      return `${credits} owed, to be taken from the next grant`
    case 'CreditsHeld':
      if (slots !== null) return `${credits} held ahead, for ${count(slots, 'call')} at once`
      return `Up to ${credits} held for a call of ${endpoint}`
    case 'HoldExtended':
      return event.credits === 0
        ? `The hold of a call of ${endpoint} prolonged`
        : `The hold of a call of ${endpoint} extended by ${credits}`
    case 'HoldSettled':
      return `${credits} charged for a call of ${endpoint}${cut(payload.terminatedBy)}`
    case 'HoldReleased':
      if (slots !== null) return `${credits} freed that were held ahead`
      if (payload.lease) return `A call of ${endpoint} was not charged (${payload.reason})`
      return `${credits} freed: a call of ${endpoint} was not charged (${payload.reason})`
    case 'HoldExpired':
      if (slots !== null) return `${credits} freed that a gateway held ahead until it ended`
      return `${credits} freed: a call of ${endpoint} was never finished, and not charged`
    case 'ChargeRefunded':
      return `${credits} refunded for a call of ${endpoint}`
    case 'CallsCounted':
      return `${count(quantity ?? 0, 'free call')} of ${endpoint}`
    case 'UsageImported':
      return `${count(quantity ?? 0, 'call')} of ${endpoint} and ${credits} taken over from the service before`
    case 'TariffPublished':
      return `Tariff ${String(payload.hash).slice(0, 12)} published, in force from ${minute(payload.from)}`
    case 'LogRestored':
      return `Log restored: what stood from position ${payload.lostFrom} on was lost (${payload.reason})`
    default: {
      known satisfies never
      return event.type
    }
  }
}

function cut(by: unknown): string {
  if (by === 'client') return ', which the client left early'
  if (by === 'upstream') return ', which the service broke off'
  return by === 'hold' ? ', cut because its hold could not be extended' : ''
}

function count(number: number, what: string): string {
  return `${number.toLocaleString('en')} ${what}${number === 1 ? '' : 's'}`
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
