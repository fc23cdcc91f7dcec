import { expect, test } from 'bun:test'
import { isTime } from '../../events/time.ts'
import { openManagementCommands } from '../../src/ledger/commands/management-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'

test('times in events are RFC 3339 and days of the calendar', () => {
  const times = ['2026-01-31T00:00:00Z', '2024-02-29T23:59:59.123456+02:00', '1970-01-01T00:00:00Z']
  for (const time of times) expect([time, isTime(time)]).toEqual([time, true])
  const none = [
    ...[
      '2026-02-29T00:00:00Z',
      '2026-02-30T00:00:00Z',
      '2026-04-31T00:00:00Z',
      '2026-00-01T00:00:00Z',
    ],
    ...[
      '2026-01-00T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T23:59:60Z',
      '2026-01-01T00:60:00Z',
    ],
    ...['2026-01-01', '2026-01-01T00:00:00', '2026-01-01 00:00:00Z', '20260101T000000Z', 'now', ''],
    ...['1969-12-31T23:59:59Z', '0001-01-01T00:00:00Z', '+010000-01-01T00:00:00Z'],
    ...['9999-12-31T23:59:59-14:00', '2026-01-01T00:00:00+99:99', '2026-01-01T00:00:00Z\n'],
  ]
  for (const time of none) expect([time, isTime(time)]).toEqual([time, false])
})

test('an event whose time is none is refused before it reaches the ledger', async () => {
  const unreachable = (() => {
    throw new Error('asked the ledger')
  }) as unknown as Sql
  const payload = { plan: 'free', from: 'now', fee: { minorUnits: 0, currency: 'EUR' } }
  const event = { type: 'PlanStarted', accountId: 'acc_1', payload } as const
  const command = { id: '1', actor: 'test', expected: [], events: [event] }
  await expect(openManagementCommands(unreachable, 'test').record(0, command)).rejects.toThrow(
    'PlanStarted/from',
  )
})
