/** The charges of a period, summed up by endpoint and by day, and one by one when asked for. */
import { printPosition } from '../../../events/event.ts'
import { type Micros, printTime } from '../../../src/reports/log-reader/micros.ts'
import { dayOf, type Period } from '../../../src/reports/log-reader/period.ts'
import type { StatementEvent } from './oracle-events.ts'
import {
  noPositions,
  notePosition,
  type Positions,
  type PositionTally,
  printPositions,
} from './oracle-positions.ts'

export interface ChargeSum {
  readonly calls: number
  /** In the endpoint's unit: characters, seconds, items, tokens or calls. */
  readonly quantity: number
  readonly credits: number
  readonly positions: Positions
}

export interface ChargeLine {
  /** The hold's time, which decides the day and the month. */
  readonly time: string
  /** `YYYY-MM-DD` */
  readonly day: string
  readonly endpoint: string
  readonly quantity: number
  /** Hash of the tariff that priced the call. */
  readonly tariff: string
  readonly credits: number
  readonly requestId: string
  readonly keyId: string
  /** Of the settlement. */
  readonly position: string
}

export interface Charges {
  readonly calls: number
  readonly credits: number
  readonly byEndpoint: readonly (ChargeSum & { readonly endpoint: string })[]
  /** By day and endpoint, for quantities of different endpoints do not add up. */
  readonly byDay: readonly (ChargeSum & { readonly day: string; readonly endpoint: string })[]
  readonly lines?: readonly ChargeLine[]
}

export interface ChargesOf {
  /** Counts a HoldSettled, or CallsCounted: calls of price 0. */
  add(event: StatementEvent): void
  print(): Charges
}

interface Tally {
  readonly day: string
  readonly endpoint: string
  calls: number
  quantity: number
  credits: number
  readonly positions: PositionTally
}

/** Collects the charges of a period; all others are left out. */
export function chargesOf(shard: number, period: Period, withLines: boolean): ChargesOf {
  const byEndpoint = new Map<string, Tally>()
  const byDay = new Map<string, Tally>()
  const lines: (ChargeLine & { readonly at: Micros })[] = []

  function add(event: StatementEvent): void {
    if (event.occurredAt < period.start || event.occurredAt >= period.end) return
    const day = dayOf(period, event.occurredAt)
    const endpoint = event.endpoint ?? ''
    count(tallyOf(byEndpoint, endpoint, '', endpoint), event)
    count(tallyOf(byDay, `${day} ${endpoint}`, day, endpoint), event)
    if (withLines && event.type === 'HoldSettled') lines.push(lineOf(event))
  }

  function lineOf(event: StatementEvent) {
    return {
      at: event.occurredAt,
      time: printTime(event.occurredAt),
      day: dayOf(period, event.occurredAt),
      endpoint: event.endpoint ?? '',
      quantity: event.quantity ?? 0,
      tariff: event.tariff ?? '',
      credits: event.credits ?? 0,
      requestId: event.requestId ?? '',
      keyId: event.keyId ?? '',
      position: printPosition({ shard, position: event.position }),
    }
  }

  function sumOf({ calls, quantity, credits, positions }: Tally): ChargeSum {
    return { calls, quantity, credits, positions: printPositions(shard, positions) }
  }

  function print(): Charges {
    const endpoints = inOrder(byEndpoint)
    const total = (count: (tally: Tally) => number) =>
      endpoints.reduce((sum, tally) => sum + count(tally), 0)
    return {
      calls: total((tally) => tally.calls),
      credits: total((tally) => tally.credits),
      byEndpoint: endpoints.map((tally) => ({ endpoint: tally.endpoint, ...sumOf(tally) })),
      byDay: inOrder(byDay).map((tally) => ({
        day: tally.day,
        endpoint: tally.endpoint,
        ...sumOf(tally),
      })),
      // Settlements come in any order; a statement goes by the calls' own time.
      ...(withLines
        ? { lines: lines.sort((a, b) => a.at - b.at).map(({ at, ...line }) => line) }
        : {}),
    }
  }

  return { add, print }
}

function tallyOf(tallies: Map<string, Tally>, key: string, day: string, endpoint: string): Tally {
  let tally = tallies.get(key)
  if (!tally) {
    tally = { day, endpoint, calls: 0, quantity: 0, credits: 0, positions: noPositions() }
    tallies.set(key, tally)
  }
  return tally
}

function count(tally: Tally, event: StatementEvent): void {
  tally.calls += event.type === 'CallsCounted' ? (event.quantity ?? 0) : 1
  tally.quantity += event.quantity ?? 0
  tally.credits += event.type === 'HoldSettled' ? (event.credits ?? 0) : 0
  notePosition(tally.positions, event.position)
}

function inOrder(tallies: Map<string, Tally>): Tally[] {
  return [...tallies.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tally]) => tally)
}
