/** What the suite is to reach, and which of its figures says whether it does. */
import { appendAccounts, batchesOf100, inFlightRow } from '../append.ts'
import { bodies } from '../bodies.ts'
import { calls, connectionsRow } from '../calls.ts'
import { gateways, gatewaysRow, processes } from '../gateways.ts'
import { memory, memoryRows, moments } from '../memory.ts'
import { largeRequest, largeResponse } from '../parts/shapes.ts'
import { refusals, refusalsRow, refused } from '../refusals.ts'
import { names } from './names.ts'
import type { Results } from './results.ts'
import { figuresOf, perRound, type Which } from './samples.ts'

export interface Target {
  readonly what: string
  /** Absent where the figure is only stated. */
  readonly bound?: Bound
  readonly unit?: string
  readonly digits: number
  /** The figure of every round; none when it was not measured, or a measurement of it failed. */
  readonly figures: (results: Results) => number[]
}

export type Bound = { readonly min: number } | { readonly max: number }

export function isReached(bound: Bound, figure: number): boolean {
  return 'min' in bound ? figure >= bound.min : figure <= bound.max
}

const at = (connections: number, contender: string): Which => ({
  family: calls.name,
  row: connectionsRow(connections),
  contender,
})

export const targets: readonly Target[] = [
  {
    what: 'charged calls/s at 128 connections, of the bare buffered Bun proxy',
    ...{ bound: { min: 0.5 }, digits: 2 },
    figures: rateOf(at(128, names.manyKeys), at(128, names.bare)),
  },
  {
    what: 'the same, of nginx with `limit_req`',
    ...{ bound: { min: 0.25 }, digits: 2 },
    figures: rateOf(at(128, names.manyKeys), at(128, names.nginx)),
  },
  {
    what: 'one hot key, of many keys',
    ...{ bound: { min: 0.9 }, digits: 2 },
    figures: rateOf(at(128, names.oneKey), at(128, names.manyKeys)),
  },
  ...[
    { what: 'refusals/s: 401, a malformed key, of the bare proxy', contender: refused.malformed },
    { what: 'refusals/s: 429, of the bare proxy', contender: refused.rate },
  ].map(({ what, contender }): Target => {
    const source = { family: refusals.name, row: refusalsRow }
    const figures = rateOf({ ...source, contender }, { ...source, contender: names.bare })
    return { what, bound: { min: 0.8 }, digits: 2, figures }
  }),
  ...[
    { keys: names.oneKey, how: 'one key, on a lease' },
    {
      keys: names.manyKeys,
      how: 'ever another key, hold and settlement committed within the call',
    },
  ].map(
    ({ keys, how }): Target => ({
      what: `added to the p50 at 1 connection: ${how}`,
      ...{ bound: { max: 1.5 }, unit: 'ms', digits: 2 },
      figures: ({ samples }) =>
        perRound(samples, p50(at(1, keys)), p50(at(1, names.bare)), (a, b) => a - b),
    }),
  ),
  {
    what: '… of the latter, two commits of PostgreSQL, on this disk',
    ...{ unit: 'ms', digits: 2 },
    figures: ({ samples }) => figuresOf(samples, at(1, names.commit), 'p50Ms').map((ms) => 2 * ms),
  },
  {
    what: 'p99 at 32 connections, of p50',
    ...{ bound: { max: 4 }, digits: 1 },
    figures: ({ samples }) => {
      const which = at(32, names.manyKeys)
      return perRound(samples, { which, figure: 'p99Ms' }, p50(which), (a, b) => a / b)
    },
  },
  ...[largeResponse, largeRequest].map(({ name }): Target => {
    const source = { family: bodies.name, row: name }
    const contenders = [names.manyKeys, names.streamed].map((contender) => ({
      ...{ ...source, contender },
    })) as [Which, Which]
    const what = `${name}, of the bare streamed Bun proxy`
    return { what, bound: { min: 0.8 }, digits: 2, figures: rateOf(...contenders) }
  }),
  ...(['many', 'one'] as const).map((accounts): Target => {
    const row = inFlightRow(batchesOf100)
    const which = { family: 'append', row, contender: appendAccounts[accounts] }
    const bound = { min: accounts === 'one' ? 60_000 : 40_000 }
    const what = `append on ${appendAccounts[accounts]}, one shard, batches of 100`
    const figures = ({ samples }: Results) => figuresOf(samples, which, 'eventsPerSecond')
    return { what, bound, unit: 'events/s', digits: 0, figures }
  }),
  {
    what: 'two gateway processes, of one',
    digits: 2,
    figures: rateOf(
      { family: gateways.name, row: gatewaysRow, contender: processes.two },
      { family: gateways.name, row: gatewaysRow, contender: processes.one },
    ),
  },
  {
    what: 'memory for 100,000 cached keys',
    ...{ bound: { max: 60 }, unit: 'MB', digits: 0 },
    figures: ({ samples, sizes }) => {
      const source = { family: memory.name, row: memoryRows.keys }
      if (sizes.cachedKeys !== 100_000) return []
      return perRound(
        samples,
        { which: { ...source, contender: moments.later }, figure: 'rssMb' },
        { which: { ...source, contender: moments.warm }, figure: 'rssMb' },
        (full, warm) => full - warm,
      )
    },
  },
]

function p50(which: Which) {
  return { which, figure: 'p50Ms' }
}

/** The ratio of two rates in every round. */
function rateOf(one: Which, other: Which): Target['figures'] {
  const rate = (which: Which) => ({ which, figure: 'callsPerSecond' })
  return ({ samples }) => perRound(samples, rate(one), rate(other), (a, b) => a / b)
}
