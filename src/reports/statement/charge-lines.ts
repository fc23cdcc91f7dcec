/** The charges of a period, summed up by endpoint and by day, and one by one when asked for. */
import { printPosition } from '../../../events/event.ts'
import { addSums, type Sum } from '../../lib/sums.ts'
import { printTime } from '../log-reader/micros.ts'
import { dayOf, type Period } from '../log-reader/period.ts'
import {
  addPositions,
  noPositions,
  type Positions,
  type PositionTally,
  printPositions,
} from '../log-reader/position-tally.ts'
import type { CallSum } from './call-sums.ts'
import type { ChargeRow } from './charge-rows.ts'
import { type ComponentLine, componentLines } from './component-lines.ts'
import type { ComponentSum, ItemisedPrices } from './component-sums.ts'

export interface ChargeSum {
  readonly calls: Sum
  /** In the endpoint's unit: characters, seconds, items, tokens or calls. */
  readonly quantity: Sum
  readonly credits: Sum
  readonly positions: Positions
}

export interface ChargeLine {
  /** It decides the day and the month: the time of the hold; of a call on a lease, the time of its charge. */
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
  /** The position of the settlement. */
  readonly position: string
}

export interface Charges {
  readonly calls: Sum
  readonly credits: Sum
  readonly byEndpoint: readonly (ChargeSum & { readonly endpoint: string })[]
  /** By day and endpoint: quantities of different endpoints cannot be added. */
  readonly byDay: readonly (ChargeSum & { readonly day: string; readonly endpoint: string })[]
  /** Of prices that take a charge apart, what each component and value counted and cost. Absent where there are none. */
  readonly byComponent?: readonly ComponentLine[]
  readonly lines?: readonly ChargeLine[]
}

interface Components {
  readonly prices: ItemisedPrices
  readonly sums: readonly ComponentSum[]
}

interface Tally {
  readonly day: string
  readonly endpoint: string
  calls: Sum
  quantity: Sum
  credits: Sum
  readonly positions: PositionTally
}

/** @param rows the charges of the period; without them the result has no `lines` */
export function sumCharges(
  shard: number,
  period: Period,
  {
    sums,
    rows,
    components,
  }: {
    readonly sums: readonly CallSum[]
    readonly rows?: readonly ChargeRow[] | undefined
    readonly components: Components
  },
): Charges {
  const byEndpoint = new Map<string, Tally>()
  const byDay = new Map<string, Tally>()
  for (const sum of sums) {
    const day = period.days[sum.bucket - 1]?.name
    const isCharge = sum.type === 'HoldSettled' || sum.type === 'CallsCounted'
    if (day === undefined || !isCharge) continue
    const endpoint = sum.endpoint ?? ''
    add(tallyOf(byEndpoint, endpoint, '', endpoint), sum)
    add(tallyOf(byDay, `${day} ${endpoint}`, day, endpoint), sum)
  }
  const print = ({ calls, quantity, credits, positions }: Tally): ChargeSum => ({
    ...{ calls, quantity, credits, positions: printPositions(shard, positions) },
  })
  const endpoints = inOrder(byEndpoint)
  const creditsOf = (endpoint: string) => byEndpoint.get(endpoint)?.credits ?? 0
  const byComponent = componentLines(components.prices, components.sums, creditsOf)
  const total = (of: (tally: Tally) => Sum) => addSums(...endpoints.map(of))
  return {
    calls: total(({ calls }) => calls),
    credits: total(({ credits }) => credits),
    byEndpoint: endpoints.map((tally) => ({ endpoint: tally.endpoint, ...print(tally) })),
    byDay: inOrder(byDay).map((tally) => ({
      ...{ day: tally.day, endpoint: tally.endpoint, ...print(tally) },
    })),
    ...(byComponent.length > 0 && { byComponent }),
    ...(rows ? { lines: linesOf(shard, period, rows) } : {}),
  }
}

/** In the order of the calls' own times, whatever the order of their settlements. */
function linesOf(shard: number, period: Period, rows: readonly ChargeRow[]): ChargeLine[] {
  return rows
    .toSorted((a, b) => a.occurredAt - b.occurredAt || a.position - b.position)
    .map(({ occurredAt, position, endpoint, quantity, tariff, credits, requestId, keyId }) => ({
      ...{ time: printTime(occurredAt), day: dayOf(period, occurredAt) },
      ...{ endpoint, quantity, tariff, credits, requestId, keyId },
      position: printPosition({ shard, position }),
    }))
}

function tallyOf(tallies: Map<string, Tally>, key: string, day: string, endpoint: string): Tally {
  let tally = tallies.get(key)
  if (!tally) {
    tally = { day, endpoint, calls: 0, quantity: 0, credits: 0, positions: noPositions() }
    tallies.set(key, tally)
  }
  return tally
}

function add(tally: Tally, { type, events, quantity, credits, ...positions }: CallSum): void {
  tally.calls = addSums(tally.calls, type === 'CallsCounted' ? quantity : events)
  tally.quantity = addSums(tally.quantity, quantity)
  if (type === 'HoldSettled') tally.credits = addSums(tally.credits, credits)
  addPositions(tally.positions, { count: events, ...positions })
}

function inOrder(tallies: Map<string, Tally>): Tally[] {
  return [...tallies.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tally]) => tally)
}
