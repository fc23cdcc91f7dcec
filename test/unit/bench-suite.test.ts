/** The suite's sums and its page: figures that are quoted must be those that were measured. */
import { expect, test } from 'bun:test'
import { appendAgainst } from '../../bench/against/append.ts'
import { thisCheckout } from '../../bench/against/checkout.ts'
import { linesOf, readRequest, readResponse } from '../../bench/against/protocol.ts'
import { calls, connectionsRow } from '../../bench/calls.ts'
import { check, type Target } from '../../bench/parts/measure.ts'
import { search } from '../../bench/parts/shapes.ts'
import { median } from '../../bench/parts/statistics.ts'
import { names } from '../../bench/suite/names.ts'
import { suitePart, targetTable, withSuite } from '../../bench/suite/page.ts'
import type { Results } from '../../bench/suite/results.ts'
import { figuresOf, type Sample } from '../../bench/suite/samples.ts'
import { isReached } from '../../bench/suite/targets.ts'
import { takeTurns } from '../../bench/suite/turns.ts'

const row = connectionsRow(128)
const page =
  'Before.\n\n<!-- suite: written by `bun run bench --doc` -->\nreplaced\n<!-- /suite -->\n\nAfter.\n'

function samplesOf(contender: string, rates: readonly number[]): Sample[] {
  return rates.map((callsPerSecond, i) => ({
    ...{ family: calls.name, row, contender, round: i + 1 },
    figures: { callsPerSecond, p50Ms: 1, p99Ms: 2 },
  }))
}

function resultsOf(samples: readonly Sample[]): Results {
  const machine = {
    ...{ processor: 'A processor', cores: 2, memoryGb: 24, kernel: 'linux' },
    ...{ versions: { Bun: '1.4.5' }, settings: { fsync: 'on' } },
  }
  return {
    ...{ startedAt: '2026-11-26T10:00:00.000Z', finishedAt: '2026-11-26T10:20:00.000Z' },
    ...{ command: 'bun run bench', machine, rounds: 3, seconds: 1, samples },
    sizes: { accounts: 1, logEvents: 1, cachedKeys: 1, hourOfCalls: 3_600 },
    load: [
      { when: 'before', average: 0.1 },
      { when: 'calls', average: 2.5 },
    ],
  }
}

/** The cells of the table's line that begins so. */
function lineOf(table: string, ...begins: readonly string[]): string[] {
  const line = table.split('\n').find((each) => each.startsWith(`| ${begins.join(' | ')} |`))
  if (!line) throw new Error(`no line of ${begins} in\n${table}`)
  return line.split(' | ').slice(begins.length)
}

test('the median is the middle one, or lies between the two in the middle', () => {
  expect(median([9, 1, 5])).toBe(5)
  expect(median([9, 1, 5, 6])).toBe(5.5)
})

test("a ratio is the median of the rounds' ratios, not the ratio of medians", () => {
  // The machine was slow in the second round for both, and in the third for one of them alone.
  const results = resultsOf([
    ...samplesOf(names.manyKeys, [500, 60, 400]),
    ...samplesOf(names.bare, [1_000, 100, 1_000]),
  ])
  const target = lineOf(
    targetTable(results),
    'charged calls/s at 128 connections, of the bare buffered Bun proxy',
  )
  expect(target.slice(0, 3)).toEqual(['≥ 0.5', '0.50', '0.40 – 0.60'])
  expect(target[3]).toStartWith('reached')
  expect(lineOf(suitePart(results), names.manyKeys).slice(0, 3)).toEqual([
    '400',
    '60 – 500',
    '0.50',
  ])
})

test('a round that failed makes its line no figure, and leaves its targets unmeasured', () => {
  const [first, ...others] = samplesOf(names.manyKeys, [500, 600, 700]) as [Sample, ...Sample[]]
  const failed = { ...first, figures: {}, error: '3 of 500 responses were not 200, 0 broken off' }
  const commit = {
    ...{ family: calls.name, row: connectionsRow(1), contender: names.commit, round: 1 },
    figures: { p50Ms: 0.4 },
  }
  const results = resultsOf([
    ...[failed, ...others, commit],
    ...samplesOf(names.bare, [1_000, 1_000, 1_000]),
  ])
  expect(lineOf(suitePart(results), names.manyKeys)[0]).toBe(
    'no figure: 3 of 500 responses were not 200, 0 broken off',
  )
  const target = lineOf(
    targetTable(results),
    'charged calls/s at 128 connections, of the bare buffered Bun proxy',
  )
  const which = { family: calls.name, row, contender: names.manyKeys }
  expect(figuresOf(results.samples, which, 'callsPerSecond')).toEqual([])
  expect(target.join()).toBe('≥ 0.5,–,–,not measured |')
  const commits = '… of the latter, two commits of PostgreSQL, on this disk'
  expect(lineOf(targetTable(results), commits).slice(0, 2)).toEqual(['–', '0.80 ms'])
})

test('a target is reached at its bound and missed beyond it', () => {
  expect([0.5, 0.49].map((figure) => isReached({ min: 0.5 }, figure))).toEqual([true, false])
  expect([1.5, 1.51].map((figure) => isReached({ max: 1.5 }, figure))).toEqual([true, false])
})

test('writing the page replaces what stands between its markers and nothing else', () => {
  const results = resultsOf(samplesOf(names.bare, [1, 2, 3]))
  const written = withSuite(page, results)
  expect(written).toStartWith('Before.\n\n<!-- suite')
  expect(written).toEndWith('<!-- /suite -->\n\nAfter.\n')
  expect(written).toContain(suitePart(results))
  expect(written).not.toContain('replaced')
  expect(withSuite(written, results)).toBe(written)
  expect(() => withSuite('Without.', results)).toThrow('no part between')
})

test('contenders take turns in every round, and one that fails does not end the others', async () => {
  const order: string[] = []
  const contender = (name: string, fails = false) => ({
    name,
    async measure() {
      order.push(name)
      if (fails) throw new Error('not what it should be')
      return { callsPerSecond: 1 }
    },
  })
  const recorded: Sample[] = []
  const contenders = [contender('a'), contender('b', true), contender('c')]
  await takeTurns('calls', 2, [{ name: row, contenders }], (sample) => recorded.push(sample))
  expect(order.join('')).toBe('abcabc')
  expect(recorded.map(({ round, error }) => [round, error])).toEqual([
    [1, undefined],
    [1, 'not what it should be'],
    [1, undefined],
    [2, undefined],
    [2, 'not what it should be'],
    [2, undefined],
  ])
})

test('a response of another status than expected, or none, is an error', () => {
  const target: Target = { name: 'a', url: '', pid: 0, keys: [], shape: search }
  const refusing = { ...target, status: 429 }
  const measured = { requestsPerSecond: 1, p50Ms: 1, p99Ms: 1, total: 10 }
  check(target, { ...measured, non2xx: 0, socketErrors: 0 })
  check(refusing, { ...measured, non2xx: 10, socketErrors: 0 })
  const wrong = [
    () => check(target, { ...measured, non2xx: 1, socketErrors: 0 }),
    () => check(target, { ...measured, non2xx: 0, socketErrors: 1 }),
    () => check(refusing, { ...measured, non2xx: 9, socketErrors: 0 }),
  ]
  for (const each of wrong) expect(each).toThrow('of 10 responses were not')
})

test('a comparison is the ratio of each round, of all that an event takes together', () => {
  const of = (contender: string, sums: readonly number[]): Sample[] =>
    sums.map((togetherUs, i) => ({
      ...{ family: appendAgainst, row: '1 in flight', contender, round: i + 1 },
      figures: { togetherUs, appenderUs: 1, postgresUs: togetherUs - 1 },
    }))
  // The other came first in the second round.
  const [first, second, third] = of(thisCheckout, [100, 220, 99]) as [Sample, Sample, Sample]
  const [its, ofSecond, ofThird] = of('../old', [100, 200, 100]) as [Sample, Sample, Sample]
  const part = suitePart(resultsOf([first, its, ofSecond, second, third, ofThird]))
  expect(lineOf(part, thisCheckout).slice(0, 3)).toEqual(['100.0', '', ''])
  expect(lineOf(part, '../old').slice(0, 3)).toEqual(['100.0', '1.000', '0.990 – 1.100'])
})

test('checkouts speak in lines of JSON, however these are cut on their way', async () => {
  const request = { task: 'fill', server: 'postgres://höst', database: 'one', accounts: 3 } as const
  const bytes = new TextEncoder().encode(`${JSON.stringify(request)}\n{"error":"full"}\n\n{"cut`)
  for (const size of [1, 7, bytes.length]) {
    const pieces = async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    }
    const lines = await Array.fromAsync(linesOf(pieces()))
    expect(lines).toEqual([JSON.stringify(request), '{"error":"full"}', ''])
    expect(readRequest(lines[0] as string)).toEqual(request)
    expect(() => readResponse(lines[1] as string)).toThrow('full')
  }
})

test('what is no request or no response of a checkout is refused', () => {
  expect(() => readRequest('{"task":"drop"}')).toThrow('no such task: {"task":"drop"}')
  for (const line of ['Listening on port 80', '7', 'null', '']) {
    expect(() => readRequest(line)).toThrow('not a JSON object')
    expect(() => readResponse(line)).toThrow('not a JSON object')
  }
  expect(readResponse<'fill'>('{"ledger":[1]}')).toEqual({ ledger: [1] })
})
