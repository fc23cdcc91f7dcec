/** The sections of the suite's part of the page, in their order: a table each, and what has to be known beside it. */
import { appendAgainst } from '../against/append.ts'
import { thisCheckout } from '../against/checkout.ts'
import { costAgainst } from '../against/cost.ts'
import { append } from '../append.ts'
import { bodies } from '../bodies.ts'
import { calls, connectionsRow } from '../calls.ts'
import { cost } from '../cost.ts'
import { gateways, processes } from '../gateways.ts'
import { longLog, onLedger } from '../long-log.ts'
import { memory } from '../memory.ts'
import { peers } from '../peers.ts'
import { profile } from '../profile.ts'
import { refusals } from '../refusals.ts'
import { standby } from '../standby.ts'
import { names } from './names.ts'
import type { Results } from './results.ts'
import { perRound, type Which } from './samples.ts'
import { type Column, extremes, leastAndMost, middle, shown, table } from './table.ts'

export interface Section {
  readonly title: string
  /** What a reader has to know beside the table. */
  readonly note?: string
  /** Empty when nothing of it was measured. */
  readonly text: (results: Results) => string
}

export const sections: readonly Section[] = [
  {
    title: 'Calls',
    note: 'A small JSON request and 463 bytes of JSON back. Everyone is sent the same requests, keys included. The one commit is an `insert` of one row over one connection.',
    text: (results) =>
      table(
        results,
        calls.name,
        callColumns('the bare proxy', (contender) =>
          contender === names.commit ? undefined : names.bare,
        ),
      ),
  },
  {
    title: 'Refusals',
    note: 'At 128 connections. Who has no credit is refused by the ledger; a key with a typo and one over its rate never get there.',
    text: (results) =>
      table(
        results,
        refusals.name,
        callColumns('the bare proxy', () => names.bare),
      ),
  },
  {
    title: 'Bodies',
    note: 'At 32 connections, 100 keys. A request is read whole, checked and then sent on; a response of 100 kB and a stream are relayed as they come. The upload is a recording of three seconds; the stream sends every token by itself. In microseconds of processor time a call: the own process, and PostgreSQL.',
    text: (results) =>
      table(results, bodies.name, [
        ...callColumns('the bare streamed proxy', () => names.streamed),
        ...[shown('own µs', 'ownUs', 0), shown('PostgreSQL', 'postgresUs', 0)],
      ]),
  },
  {
    title: 'Processes',
    note: 'Two load generators of 64 connections each send their calls to one gateway or to one each. A second process brings another core for JavaScript, where there is one to spare; PostgreSQL, which decides all calls of a shard one batch after the other, is the same for both, and two gateways make its batches smaller. Where load generator, service, PostgreSQL and gateway already share all cores there is nothing to gain.',
    text: (results) =>
      table(
        results,
        gateways.name,
        callColumns('one', () => processes.one),
      ),
  },
  {
    title: 'Append',
    note: 'Half holds, half settlements, over one connection; what is in flight at once becomes one batch.',
    text: (results) => table(results, append.name, appendColumns),
  },
  {
    title: 'Memory',
    note: "Of one gateway process, after a full garbage collection. Keys: a call from each, after as many calls from ten keys. An hour's worth of calls comes as fast as it goes.",
    text: (results) => table(results, memory.name, memoryColumns),
  },
  {
    title: 'A long log',
    note: "At 128 connections, on a ledger that has only begun and on one with months of other accounts' history before.",
    text: (results) => table(results, longLog.name, callColumns('the new ledger', sameOnNew)),
  },
  {
    title: 'Processor time of a call',
    note: 'In microseconds, at 128 connections, in the run of the calls above: all processes together, and that as a multiple of what the bare proxy takes; the own process, of it user and system and the first thread, which runs JavaScript; then PostgreSQL and Redis.',
    text: (results) => table(results, calls.name, costColumns, connectionsRow(128)),
  },
  {
    title: 'Processor time in turns',
    note: 'In microseconds a call, at 128 connections. Small plans have 100 credits a month and 10 calls in flight.',
    text: (results) => table(results, cost.name, costColumns),
  },
  {
    title: 'Peers',
    note: 'A small chat call at 128 connections, with a response in one piece; everyone is sent the same, headers included. Only Tollbook knows the key, counts an exact limit and has the charge in its ledger before it responds. In microseconds of processor time a call: the own process, PostgreSQL and Redis.',
    text: (results) =>
      table(results, peers.name, [
        ...callColumns('the bare proxy', () => names.bare),
        ...[shown('own µs', 'ownUs', 0), shown('PostgreSQL', 'postgresUs', 0)],
        shown('Redis', 'redisUs', 0),
      ]),
  },
  {
    title: 'A synchronous standby',
    note: 'On the same machine, so that it takes processor time of its own; commits wait until it has written them, or do not, in turns.',
    text: (results) =>
      table(results, standby.name, [
        ...[shown('calls/s', 'callsPerSecond', 0), shown('p50 ms', 'p50Ms', 2)],
        shown('p99 ms', 'p99Ms', 2),
      ]),
  },
  {
    title: 'Processor time of a call, compared',
    note: comparison('a call: of the gateway, PostgreSQL and Redis'),
    text: (results) => table(results, costAgainst, costAgainstColumns),
  },
  {
    title: 'Processor time of an append, compared',
    note: comparison('an event: of the appender and PostgreSQL'),
    text: (results) => table(results, appendAgainst, appendAgainstColumns),
  },
  {
    title: 'Where samples fall',
    note: 'Of all samples of the gateway and of PostgreSQL, in percent.',
    text: (results) => table(results, profile.name, [shown('%', 'percent', 1)]),
  },
]

/** @param base whose rate of the same row is 1 */
function callColumns(of: string, base: (contender: string) => string | undefined): Column[] {
  return [
    shown('calls/s', 'callsPerSecond', 0),
    leastAndMost('callsPerSecond'),
    {
      title: `of ${of}`,
      cell: ({ samples }, which) => {
        const contender = base(which.contender)
        if (contender === undefined) return '–'
        const rate = (its: Which) => ({ which: its, figure: 'callsPerSecond' })
        const other = rate({ ...which, contender })
        return middle(
          perRound(samples, rate(which), other, (a, b) => a / b),
          2,
        )
      },
    },
    shown('p50 ms', 'p50Ms', 2),
    shown('p99 ms', 'p99Ms', 2),
  ]
}

const costColumns: Column[] = [
  shown('together µs', 'togetherUs', 0),
  {
    title: "× the bare proxy's own",
    cell: ({ samples }, which) => {
      const bare = { which: { ...which, contender: names.bare }, figure: 'ownUs' }
      const ratios = perRound(samples, { which, figure: 'togetherUs' }, bare, (a, b) => a / b)
      return middle(ratios, 1)
    },
  },
  shown('own µs', 'ownUs', 0),
  leastAndMost('ownUs'),
  shown('user', 'userUs', 0),
  shown('system', 'systemUs', 0),
  shown('first thread', 'javaScriptUs', 0),
  shown('PostgreSQL', 'postgresUs', 0),
  shown('Redis', 'redisUs', 0),
]

const appendColumns = [
  shown('events/s', 'eventsPerSecond', 0),
  leastAndMost('eventsPerSecond'),
  shown('mean batch', 'meanBatch', 1),
  shown('µs of PostgreSQL an event', 'postgresUs', 1),
]

const memoryColumns = [
  shown('calls', 'calls', 0),
  shown('process, MB', 'rssMb', 0),
  shown('of it JavaScript, MB', 'heapMb', 1),
]

const costAgainstColumns = [
  ...togetherAgainst(),
  shown('gateway', 'ownUs', 1),
  shown('PostgreSQL', 'postgresUs', 1),
  shown('Redis', 'redisUs', 1),
  shown('calls/s', 'callsPerSecond', 0),
]

const appendAgainstColumns = [
  ...togetherAgainst(),
  shown('appender', 'appenderUs', 1),
  shown('PostgreSQL', 'postgresUs', 1),
  shown('mean batch', 'meanBatch', 1),
  shown('events/s', 'eventsPerSecond', 0),
]

function comparison(what: string): string {
  return `In microseconds ${what}. The ratio is what ${thisCheckout} takes together, divided by what the other takes: the median, least and most of the rounds. Another copy of this checkout shows the noise.`
}

/** What all processes take together, and how this checkout compares in that. */
function togetherAgainst(): Column[] {
  const ratios =
    (write: (ratios: readonly number[]) => string): Column['cell'] =>
    ({ samples }, which) => {
      if (which.contender === thisCheckout) return ''
      const of = (its: Which) => ({ which: its, figure: 'togetherUs' })
      const own = of({ ...which, contender: thisCheckout })
      return write(perRound(samples, own, of(which), (a, b) => a / b))
    }
  return [
    shown('together µs', 'togetherUs', 1),
    { title: 'this ÷ other', cell: ratios((all) => middle(all, 3)) },
    { title: 'min – max', cell: ratios((all) => extremes(all, 3)) },
  ]
}

function sameOnNew(contender: string): string | undefined {
  return [names.manyKeys, names.oneKey]
    .filter((name) => contender.startsWith(name))
    .map((name) => onLedger(name, 'new'))[0]
}
