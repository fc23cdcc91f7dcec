/** The spans of a grant are found again, whatever the clock of who gave it said. */
import { expect, test } from 'bun:test'
import type { GrantSpans } from '../../src/ledger/commands/management-commands.ts'
import { findSpans } from '../../src/projector/verify/tables/find-spans.ts'

const recorded = Date.parse('2030-06-15T12:00:00.123Z')
const minute = 60_000
const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: minute,
  h: 60 * minute,
  d: 1_440 * minute,
}
const msOf = (span: string) => Number(span.slice(0, -1)) * (unitMs[span.slice(-1)] ?? 0)

/** Whether spans are found that were sent by a clock that is so far off, and how many were tried. */
function find(
  spans: GrantSpans,
  offMs: number,
  given: { startsAt?: string; expiresAt?: string } = {},
) {
  const now = recorded + offMs
  const at = (span: string | undefined) =>
    span === undefined ? undefined : new Date(now + msOf(span)).toISOString()
  const startsAt = given.startsAt ?? at(spans.startsAt) ?? new Date(now + 700).toISOString()
  const expiresAt = given.expiresAt ?? at(spans.expiresAt)
  const payload = { startsAt, ...(expiresAt !== undefined && { expiresAt }) }
  let tried = 0
  const found = findSpans({ recordedAt: recorded * 1_000, payload }, (each) => {
    tried++
    return each.startsAt === spans.startsAt && each.expiresAt === spans.expiresAt
  })
  return { found, tried }
}

const offsets = [0, 50_000, -50_000, 7 * minute, -61 * minute, -13 * 60 * minute]

test.each(['90d', '36h', '45m', '3600s', '999999s', '000001d'])('%s', (span) => {
  for (const off of offsets) {
    expect(find({ expiresAt: span }, off).found).toBe(true)
    expect(find({ expiresAt: span }, off, { startsAt: '2031-01-01T00:00:00Z' }).found).toBe(true)
    expect(find({ startsAt: span }, off).found).toBe(true)
    expect(find({ startsAt: span }, off, { expiresAt: '2190-01-01T00:00:00Z' }).found).toBe(true)
    expect(find({ startsAt: span, expiresAt: '9999d' }, off).found).toBe(true)
  }
})

test('a grant that begins at once is found soon by a clock that is years off', () => {
  const { found, tried } = find({ expiresAt: '90d' }, -3_000 * 1_440 * minute)
  expect(found).toBe(true)
  expect(tried).toBeLessThan(100)
})

test('what no span leads to is given up', () => {
  let tried = 0
  const payload = { startsAt: '2030-06-15T12:00:00Z', expiresAt: '2030-07-15T12:00:00Z' }
  const found = findSpans({ recordedAt: recorded * 1_000, payload }, () => {
    tried++
    return false
  })
  expect(found).toBe(false)
  expect(tried).toBeLessThan(500_000)
})
