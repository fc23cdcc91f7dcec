/** Writes the suite's part of docs/BENCHMARKS.md: what stands between its markers, from results alone. */
import { append } from '../append.ts'
import { bodies } from '../bodies.ts'
import { calls, connectionsRow } from '../calls.ts'
import { cost } from '../cost.ts'
import { gateways, processes } from '../gateways.ts'
import { longLog, onBook } from '../long-log.ts'
import { memory } from '../memory.ts'
import { median, spread } from '../parts/statistics.ts'
import { profile } from '../profile.ts'
import { refusals } from '../refusals.ts'
import type { Machine } from './machine.ts'
import { names } from './names.ts'
import type { Results } from './results.ts'
import { figuresOf, of, perRound, type Sample, type Which } from './samples.ts'
import { isReached, type Target, targets } from './targets.ts'

const begin = '<!-- suite: written by `bun run bench --doc` -->'
const end = '<!-- /suite -->'

/** The page with its suite's part replaced. @throws when it has no such part */
export function withSuite(page: string, results: Results): string {
  const from = page.indexOf(begin)
  const to = page.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the page has no part between ${begin} and ${end}`)
  return `${page.slice(0, from)}${begin}\n\n${suitePart(results)}\n\n${page.slice(to)}`
}

export function suitePart(results: Results): string {
  const said = sections.flatMap(({ title, note, text }) => {
    const table = text(results)
    return table ? [[`### ${title}`, ...(note ? [note] : []), table].join('\n\n')] : []
  })
  return [`## The suite, measured on ${results.startedAt.slice(0, 10)}`, ...said].join('\n\n')
}

interface Section {
  readonly title: string
  /** What a reader has to know beside the table. */
  readonly note?: string
  /** Empty when nothing of it was measured. */
  readonly text: (results: Results) => string
}

const sections: readonly Section[] = [
  { title: 'How it was measured', text: describeRun },
  { title: 'Targets', text: targetTable },
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
    note: 'At 128 connections. Who has no credit is refused by the book; a key with a typo and one over its rate never get there.',
    text: (results) =>
      table(
        results,
        refusals.name,
        callColumns('the bare proxy', () => names.bare),
      ),
  },
  {
    title: 'Bodies',
    note: 'At 32 connections, 100 keys. A request is read whole, checked and then sent on; an answer of 100 kB and a stream are relayed as they come. The upload is a recording of three seconds; the stream sends every token by itself.',
    text: (results) =>
      table(
        results,
        bodies.name,
        callColumns('the bare streamed proxy', () => names.streamed),
      ),
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
    note: "At 128 connections, on a book that has only begun and on one with months of other accounts' history before.",
    text: (results) => table(results, longLog.name, callColumns('the new book', sameOnNew)),
  },
  {
    title: 'Processor time of a call',
    note: 'In microseconds, at 128 connections, in the run of the calls above: the own process, of it user and system and the first thread, which runs JavaScript; then PostgreSQL and Redis.',
    text: (results) => table(results, calls.name, costColumns, connectionsRow(128)),
  },
  {
    title: 'Processor time in turns',
    text: (results) => table(results, cost.name, costColumns),
  },
  {
    title: 'Where samples fall',
    note: 'Of all samples of the gateway and of PostgreSQL, in percent.',
    text: (results) => table(results, profile.name, [shown('%', 'percent', 1)]),
  },
]

/** One row per target: what was aimed at, what was measured, and whether that reaches it. Empty when none was. */
export function targetTable(results: Results): string {
  const figuresOfAll = targets.map((target) => target.figures(results))
  if (figuresOfAll.every(({ length }) => length === 0)) return ''
  const rows = targets.map((target, i) => {
    const figures = figuresOfAll[i] as number[]
    if (figures.length === 0) return [target.what, boundOf(target), '–', '–', 'not measured']
    const figure = median(figures)
    const shown = (value: number) => numeral(value, target.digits)
    const [least, most] = spread(figures)
    const { bound } = target
    const verdict = !bound ? '–' : isReached(bound, figure) ? 'reached' : '**not reached**'
    const measured = [shown(figure), target.unit].filter(Boolean).join(' ')
    return [target.what, boundOf(target), measured, `${shown(least)} – ${shown(most)}`, verdict]
  })
  return markdown(['', 'target', 'measured', 'spread', ''], rows)
}

function boundOf({ bound, unit }: Target): string {
  if (!bound) return '–'
  const [sign, value] = 'atLeast' in bound ? ['≥', bound.atLeast] : ['≤', bound.atMost]
  return [sign, value.toLocaleString('en'), unit].filter(Boolean).join(' ')
}

interface Column {
  readonly title: string
  readonly cell: (results: Results, which: Which) => string
}

/** A family's table: a line for each contender under each circumstance, in the order of their measurement. */
function table(results: Results, family: string, columns: readonly Column[], only?: string) {
  const lines = linesOf(results.samples, family).filter(
    ({ row }) => only === undefined || row === only,
  )
  if (lines.length === 0) return ''
  const many = new Set(lines.map(({ row }) => row)).size > 1
  const rows = lines.map((which) => {
    const error = of(results.samples, which).find((sample) => sample.error !== undefined)?.error
    const cells = error
      ? [`no figure: ${error.replaceAll('|', '\\|')}`, ...columns.slice(1).map(() => '')]
      : columns.map(({ cell }) => cell(results, which))
    return [...(many ? [which.row] : []), which.contender, ...cells]
  })
  return markdown([...(many ? [''] : []), '', ...columns.map(({ title }) => title)], rows)
}

function linesOf(samples: readonly Sample[], family: string): Which[] {
  const lines = new Map<string, Which>()
  for (const { family: its, row, contender } of samples) {
    if (its === family) lines.set(`${row}\n${contender}`, { family, row, contender })
  }
  return [...lines.values()]
}

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

const costColumns = [
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

function sameOnNew(contender: string): string | undefined {
  return [names.manyKeys, names.oneKey]
    .filter((name) => contender.startsWith(name))
    .map((name) => onBook(name, 'new'))[0]
}

function shown(title: string, figure: string, digits: number): Column {
  return { title, cell: ({ samples }, which) => middle(figuresOf(samples, which, figure), digits) }
}

function leastAndMost(figure: string): Column {
  return {
    title: 'min – max',
    cell({ samples }, which) {
      const figures = figuresOf(samples, which, figure)
      if (figures.length === 0) return '–'
      return spread(figures)
        .map((each) => numeral(each, 0))
        .join(' – ')
    },
  }
}

function middle(figures: readonly number[], digits: number): string {
  return figures.length === 0 ? '–' : numeral(median(figures), digits)
}

function describeRun(results: Results): string {
  const { machine, rounds, seconds, sizes, load } = results
  const before = load.find(({ when }) => when === 'before')?.average
  const during = load.filter(({ when }) => when !== 'before').map(({ average }) => average)
  const [least, most] = spread(during)
  const took = Date.parse(results.finishedAt) - Date.parse(results.startedAt)
  const number = (count: number) => count.toLocaleString('en')
  return [
    `\`${results.command}\`, in ${(took / 60_000).toFixed(1)} minutes. ${describe(machine)}`,
    [
      `Load average ${before?.toFixed(1)} before, ${least.toFixed(1)} to ${most.toFixed(1)} during (the suite's own load included).`,
      `${rounds} rounds of ${seconds} s each, in which the contenders take turns; medians, and the lowest and highest round. A ratio is the median of the rounds' own.`,
      `Many keys are ${number(sizes.accounts)}, each on an account of its own. An hour's worth of calls is ${number(sizes.hourOfCalls)}, ${number(Math.round(sizes.hourOfCalls / 3_600))} a second; the long log has ${number(sizes.logEvents)} events.`,
    ].join('\n'),
  ].join('\n\n')
}

function describe({ processor, cores, memoryGb, kernel, versions, settings, commit }: Machine) {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  const set = Object.entries(settings).map(([name, value]) => `\`${name}\` ${value}`)
  return [
    `${cores} cores (${processor}), ${memoryGb} GB, ${kernel}, shared by the load generator, the services, the gateway, PostgreSQL and Redis.`,
    `${programs.join(', ')}${commit ? `, Tollbook at ${commit}` : ''}. PostgreSQL: ${set.join(', ')}.`,
  ].join('\n')
}

function numeral(value: number, digits: number): string {
  return value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })
}

/** Columns after the first of words are set to the right. */
function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const words = head.findIndex((title) => title !== '')
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, column) => (column < words ? '---' : '---:'))
  return [line(head), `|${rule.join('|')}|`, ...rows.map(line)].join('\n')
}
