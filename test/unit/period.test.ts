import { describe, expect, test } from 'bun:test'
import { isTimeZone } from '../../src/lib/time-zone.ts'
import { dayOf, dayPeriod, localTime, monthPeriod } from '../../src/reports/log-reader/period.ts'

const zones = Intl.supportedValuesOf('timeZone')
const hourMs = 3_600_000

/** Months with something to get wrong: clocks put on and back, year's ends, and one of plain days. */
const months = ['2026-02', '2026-03', '2026-04', '2026-10', '2026-11', '2026-12', '2027-01']

test('in every zone days make up the month, and months the year', () => {
  for (const zone of zones) {
    let end: number | undefined
    for (let month = 1; month <= 12; month++) {
      const period = periodOf(`2026-${String(month).padStart(2, '0')}`, zone)
      expect(period.days[0]?.start).toBe(period.start)
      expect(period.days).toHaveLength(new Date(Date.UTC(2026, month, 0)).getUTCDate())
      if (end !== undefined) expect(period.start).toBe(end)
      end = period.end
      for (const [i, { name, start }] of period.days.entries()) {
        const day = dayPeriod(name, zone)
        const next = period.days[i + 1]?.start ?? period.end
        if (day?.start !== start || day.end !== next) throw new Error(`${zone}: ${name}`)
      }
    }
  }
})

test("in every zone a time's day is the one that the zone's clocks show", () => {
  for (const zone of zones) {
    const shown = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
    for (const month of months) {
      const period = periodOf(month, zone)
      for (let at = period.start; at < period.end; at += 6.5 * hourMs * 1_000) {
        if (dayOf(period, at) !== shown.format(at / 1_000)) {
          throw new Error(
            `${zone}: ${new Date(at / 1_000).toISOString()} is not ${dayOf(period, at)}`,
          )
        }
      }
      for (const { name, start } of period.days) {
        const begins =
          shown.format(start / 1_000) === name && shown.format(start / 1_000 - 1) < name
        if (!begins)
          throw new Error(`${zone}: ${name} does not begin when its clocks first show it`)
      }
    }
  }
})

describe('days of their own kind', () => {
  test.each([
    ['Asia/Kathmandu', '2026-10-01', '2026-09-30T18:15:00.000Z', 24],
    ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00:00.000Z', 23],
    ['Europe/Berlin', '2026-10-25', '2026-10-24T22:00:00.000Z', 25],
    ['Australia/Lord_Howe', '2026-04-05', '2026-04-04T13:00:00.000Z', 24.5],
    // Clocks were put on at midnight: the day begins at one o'clock.
    ['America/Sao_Paulo', '2018-11-04', '2018-11-04T03:00:00.000Z', 23],
    // The calendar left this day out.
    ['Pacific/Apia', '2011-12-30', '2011-12-30T10:00:00.000Z', 0],
    ['Pacific/Apia', '2011-12-31', '2011-12-30T10:00:00.000Z', 24],
    // Put back at 00:01 to the day before, whose last hour is the new day's already.
    ['America/St_Johns', '2009-11-01', '2009-11-01T02:30:00.000Z', 25],
  ])('%s, %s', (zone, name, start, hours) => {
    const day = dayPeriod(name, zone)
    expect(new Date((day?.start ?? 0) / 1_000).toISOString()).toBe(start)
    expect(((day?.end ?? 0) - (day?.start ?? 0)) / 1_000 / hourMs).toBe(hours)
  })

  test('clocks that show the day before once more do not bring it back', () => {
    const october = periodOf('2009-10', 'America/St_Johns')
    const secondHour = Date.UTC(2009, 10, 1, 3) * 1_000
    expect(localTime(new Date(secondHour / 1_000).toISOString(), 'America/St_Johns')).toBe(
      '2009-10-31 23:30:00',
    )
    expect(secondHour).toBeGreaterThanOrEqual(october.end)
  })

  test('nothing falls on a day that was left out', () => {
    const december = periodOf('2011-12', 'Pacific/Apia')
    const jump = Date.UTC(2011, 11, 30, 10) * 1_000
    expect(dayOf(december, jump - 1)).toBe('2011-12-29')
    expect(dayOf(december, jump)).toBe('2011-12-31')
  })
})

test('what is no month, no day or no zone is recognised', () => {
  expect(monthPeriod('2026-13', 'UTC')).toBeUndefined()
  expect(monthPeriod('26-10', 'UTC')).toBeUndefined()
  expect(dayPeriod('2026-02-29', 'UTC')).toBeUndefined()
  expect(dayPeriod('2026-02-28', 'UTC')).toBeDefined()
  expect(isTimeZone('Europe/Berlin')).toBe(true)
  expect(isTimeZone('Europe/Atlantis')).toBe(false)
})

function periodOf(month: string, zone: string) {
  const period = monthPeriod(month, zone)
  if (!period) throw new Error(`no month ${month}`)
  return period
}

describe('a time zone is named as IANA writes it', () => {
  test.each([
    'UTC',
    'Europe/Berlin',
    'Asia/Calcutta',
    'Asia/Kolkata',
    'Etc/GMT+1',
    'EST5EDT',
    'GB',
  ])('%s is one', (zone) => expect(isTimeZone(zone)).toBe(true))

  test.each([
    ...['', '+01:00', '-03', 'UTC+1', 'europe/berlin', 'utc', 'Europe', 'Europe/Atlantis', ' UTC'],
    ...['2026-01-01T00:00[Europe/Berlin]', '2026-01-01T00:00Z', '../UTC', 'Etc/../UTC', 'UTC\n'],
  ])('%j is none', (zone) => expect(isTimeZone(zone)).toBe(false))
})
