/** A wrong reading of the ledger's clock is refused: it would lapse credits and expire holds, and could not be taken back. */
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { acceptLoss } from '../../src/ledger/commands/owner-commands.ts'
import { LedgerUnavailable } from '../../src/ledger/unavailable.ts'
import { newRequestId } from '../../src/lib/ids.ts'
import { runCli } from '../support/cli.ts'
import { type Gateway, holdCommand } from '../support/gateway.ts'
import { openProducer } from '../support/producer.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

const minutes = 60_000
const days = 86_400_000

let ledger: Ledger
let key: TestKey
let gateway: Gateway
beforeEach(async () => {
  ledger = await openLedger()
  key = await ledger.key(await ledger.account({ plan: 'pro' }))
  gateway = ledger.newGateway('teller', { timeoutMs: 1_000 })
  await gateway.hold(key, 1)
})
afterEach(() => ledger.close())

/** Lets the ledger's clock show another time, which nobody has confirmed. */
async function showTime(text: string): Promise<void> {
  await ledger.owner.unsafe(`create or replace function ledger_now() returns timestamptz
    language sql volatile as $$ select ${text} $$`)
}

const showLater = (ms: number) =>
  showTime(`timestamptz '${new Date(ledger.now.getTime() + ms).toISOString()}'`)

test('a jump that the senders’ clocks do not share: nothing is written, and sales resume when the clock is right', async () => {
  const size = await ledger.size()
  await showLater(40 * days)
  await expect(gateway.hold(key, 1)).rejects.toBeInstanceOf(LedgerUnavailable)
  expect(gateway.appender.fault).toBe('clock_disagrees')
  await expect(ledger.grant(key.account, 1)).rejects.toThrow('clocks')
  expect(await ledger.size()).toBe(size)
  await showLater(0)
  await until(() =>
    gateway.append(holdCommand(key, 1)).then(
      () => true,
      () => false,
    ),
  )
  expect(gateway.appender.fault).toBeUndefined()
  const [row] = await ledger.sql<[{ last: Date }]>`select max(recorded_at) as last from events`
  expect(row.last).toEqual(ledger.now)
})

test('no loss is accepted at a time that is the ledger’s alone', async () => {
  await ledger.owner`update heads set divergence = 'as a test says'`
  const size = await ledger.size()
  await showLater(40 * days)
  await expect(acceptLoss(ledger.owner, 0, 'a test')).rejects.toThrow('clocks')
  expect(await ledger.size()).toBe(size)
  const [head] = await ledger.sql`select epoch, divergence from heads`
  expect(head).toEqual({ epoch: 1, divergence: 'as a test says' })
  await showLater(0)
  await acceptLoss(ledger.owner, 0, 'a test')
  expect(await ledger.size()).toBe(size + 1)
})

test('a single wrong reading costs an attempt', async () => {
  await ledger.owner`create sequence readings`
  await ledger.owner`grant usage on sequence readings to public`
  await showTime(`timestamptz '${ledger.now.toISOString()}'
    + case when nextval('tollbook.readings') = 1 then interval '40 days' else '0' end`)
  await ledger.owner`alter function ledger_now() security definer`
  expect((await gateway.hold(key, 1)).verdict).toBe('ok')
})

test('a few minutes ahead are taken, and then a few more', async () => {
  for (const shift of [4, 8, 12]) {
    await showLater(shift * minutes)
    const requestId = newRequestId(ledger.now.getTime() + shift * minutes)
    expect((await gateway.hold(key, 1, { requestId })).verdict).toBe('ok')
  }
})

test('a clock that falls behind holds the ledger’s time still, and nothing else', async () => {
  await showLater(-40 * days)
  expect((await gateway.hold(key, 1)).verdict).toBe('ok')
  const [row] = await ledger.sql<[{ last: Date }]>`select max(recorded_at) as last from events`
  expect(row.last).toEqual(ledger.now)
})

test('a ledger that was silent for a month sells at once: both clocks have gone on', async () => {
  const { sql, owner } = ledger
  await showTime('clock_timestamp()')
  await owner`update heads set recorded_at = now() - interval '30 days', clock_at = now() - interval '30 days'`
  const producer = await openProducer(sql)
  expect((await producer.send([holdCommand(key, 1)])).outcome).toBe('appended')
})

test('an operator who owns the log confirms the ledger’s clock, which is an event', async () => {
  await showLater(40 * days)
  await expect(gateway.hold(key, 1)).rejects.toBeInstanceOf(LedgerUnavailable)
  const without = await runCli(['clock', '--confirm'], { database: ledger.url })
  expect(without.stderr).toContain('--confirm and --reason go together')
  const shown = await runCli(['clock'], { database: ledger.url })
  expect(shown.stdout).toContain('ahead of this machine')
  const confirmed = await runCli(['clock', '--confirm', '--reason', 'two time servers'], {
    database: ledger.url,
  })
  expect(confirmed).toMatchObject({ status: 0, stderr: '' })
  await until(() =>
    gateway.append(holdCommand(key, 1)).then(
      () => true,
      () => false,
    ),
  )
  const events = await ledger.sql`select payload from events where type = 'ClockConfirmed'`
  expect(events.map(({ payload }) => payload)).toEqual([{ reason: 'two time servers' }])
})
