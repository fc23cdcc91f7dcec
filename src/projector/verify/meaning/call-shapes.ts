/** What an event of a call must be by itself: it has the columns of its type, and its credits are what it moves. */
import type { EventType } from '../../../../events/catalogue.ts'
import { effectOf, leaseOf } from '../credits/effects.ts'
import { bitsOf, type LogEvent } from '../log/log-event.ts'
import { columnsOf, optionalColumns } from './event-columns.ts'

/** @param text its payload, as it was written */
export type Shape = (event: LogEvent, text: string) => boolean

/** What every event of the type is. */
export function shapeOf(type: EventType): Shape {
  const { has, mayHave } = columnsOf(type) ?? { has: [], mayHave: [] }
  const needed = bitsOf(has)
  const forbidden = bitsOf(optionalColumns) & ~needed & ~bitsOf(mayHave)
  const isMore = more[type] ?? (() => true)
  return (event, text) =>
    (event.present & needed) === needed && (event.present & forbidden) === 0 && isMore(event, text)
}

const isMoment = ({ occurredAt, recordedAt }: LogEvent) => occurredAt === recordedAt
const namesLease = (event: LogEvent) => leaseOf(effectOf(event.type), event) !== undefined

/** Whether a charge is that of a hold which its gateway did not end. What clients and operators name may be called so, too. */
export function isOfLostGateway(text: string): boolean {
  return text.length > 2 && text.includes('"terminatedBy":"gateway"')
}

function isOfLots(values: readonly number[] | null, { lots }: LogEvent): boolean {
  return values?.length === lots?.length
}

function sumOf(values: readonly number[] | null): number {
  let sum = 0
  if (values) for (const value of values) sum += value
  return sum
}

function isEndOfHold(event: LogEvent): boolean {
  const { lots, held, credits, endpoint, slots } = event
  return (
    lots !== null &&
    held !== null &&
    isOfLots(held, event) &&
    (credits ?? 0) + sumOf(held) === 0 &&
    (endpoint === null) === (slots !== null)
  )
}

/** Beside its columns, what an event of the type must be. */
const more: Readonly<Record<string, Shape>> = {
  CreditsHeld: (event) =>
    isMoment(event) &&
    event.credits === sumOf(event.held) &&
    isOfLots(event.held, event) &&
    (event.slots === null) === (event.endpoint !== null) &&
    (event.slots === null) === (event.quantity !== null) &&
    event.isNamed(),
  HoldExtended: (event) => event.credits === sumOf(event.held) && isOfLots(event.held, event),
  HoldSettled: (event, text) => {
    const isOfResponse = (event.present & responseBits) === responseBits
    const isLost = isOfLostGateway(text)
    return (
      event.credits === sumOf(event.moved) &&
      isOfLots(event.moved, event) &&
      (event.held === null
        ? namesLease(event) && isMoment(event) && event.isNamed() && !isLost
        : isOfLots(event.held, event) && !namesLease(event)) &&
      (isOfResponse || (event.present & responseBits) === 0) &&
      isOfResponse !== isLost
    )
  },
  HoldReleased: (event) =>
    namesLease(event)
      ? event.credits === 0 &&
        (event.present & (lotBits | routeBits)) === routeBits &&
        isMoment(event) &&
        event.isNamed()
      : isEndOfHold(event),
  HoldExpired: isEndOfHold,
  CallsCounted: (event) => isMoment(event) && (event.quantity ?? 0) > 0,
  CallsRefused: (event) => isMoment(event) && (event.quantity ?? 0) > 0,
  // Of a day before it was recorded.
  UsageImported: ({ occurredAt, recordedAt }) => occurredAt <= recordedAt,
}

const responseBits = bitsOf(['status', 'latency_ms'])
const lotBits = bitsOf(['held', 'lots', 'slots'])
const routeBits = bitsOf(['endpoint', 'quantity'])
