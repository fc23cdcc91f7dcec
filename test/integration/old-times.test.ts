/**
 * A log has whatever times it was given before they were checked. It is read all the same, for the account that has them and for
 * all others.
 */

import { afterAll, beforeAll, expect, test } from 'bun:test'
import { rmSync } from 'node:fs'
import { grantDigest, recordDigest } from '../../src/ledger/commands/command-digests.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { runCli } from '../support/cli.ts'
import { withShippedClock } from '../support/shipped-clock.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

const times = [
  ...['9999-12-31T00:00:00Z', '2300-01-01T00:00:00Z', 'infinity', '-infinity'],
  ...['0001-01-01T00:00:00Z', '12026-01-01T00:00:00Z'],
]

let ledger: Ledger
let key: TestKey
let requestId: string
let granted = 0

beforeAll(async () => {
  ledger = await openLedger()
  const { owner } = ledger
  // As it was when the ledger took what it was given.
  await owner`create or replace function check_payload(in_type text, in_payload text) returns void language sql as ''`
  const account = await ledger.account()
  key = await ledger.key(account)
  const sender = JSON.stringify({ instance: 'test', sentAt: ledger.now.toISOString() })
  for (const [i, time] of times.entries()) {
    for (const more of [
      { expiresAt: time },
      { startsAt: time, expiresAt: '2199-01-01T00:00:00Z' },
    ]) {
      const lot = { kind: 'promotional', startsAt: ledger.now.toISOString(), ...more }
      const [row] = await owner`
        select grant_v1(0::smallint, ${sender}::text::jsonb, ${`${i} ${Object.keys(more).length}`},
          ${grantDigest({ ...lot, accountId: account.accountId, mode: 'live', credits: 10, kind: 'promotional' })},
          ${account.accountId}, 'live', 10, ${JSON.stringify(lot)}, null, 'test') as result`
      if (row?.result.verdict === 'ok') granted++
    }
  }
  for (const expiresAt of times) {
    const dated = await ledger.key(account)
    const { accountId, keyId } = dated
    const event = { type: 'KeyUpdated', accountId, keyId, mode: 'live' } as const
    const events = JSON.stringify([
      { ...event, actor: 'test', payload: JSON.stringify({ expiresAt }) },
    ])
    const hash = recordDigest([{ ...event, payload: { expiresAt } }])
    const expected = JSON.stringify([{ stream: 'key', id: dated.keyId, version: dated.version }])
    await owner`
      select record_v1(0::smallint, ${sender}::text::jsonb, ${dated.keyId}, ${hash}, ${expected}::text::jsonb,
        ${events}::text::jsonb)`
  }
  // The allowance is 100 credits. After it come the lots that end in 2199, 2300, 9999 and 12026, and one that never ends.
  for (const credits of [5, 130, 18]) {
    const { verdict, hold } = await ledger.hold(key, credits)
    if (verdict !== 'ok') throw new Error(`${credits} credits: ${verdict}`)
    await ledger.settle(hold, credits)
    requestId = hold.requestId
  }
  // Since then its functions were replaced.
  await migrate({ url: ledger.url })
  await ledger.travelTo(ledger.now)
})
afterAll(() => ledger.close())

test('statement and balance', async () => {
  const { accountId } = key
  for (const month of ['2030-06', '2030-05']) {
    const found = await readStatement(ledger.sql, { accountId, month })
    expect(found?.account?.grants.length ?? 0).toBe(month === '2030-06' ? granted + 1 : 0)
  }
  expect((await readBalance(ledger.sql, accountId, 'live'))?.lots.length).toBeGreaterThan(5)
})

const commands = [
  ['report', 'statement', '--account', 'ACCOUNT', '--month', '2030-06'],
  ['report', 'statement', '--account', 'ACCOUNT', '--month', '2030-06', '--json'],
  ['explain', 'REQUEST'],
  ['events'],
  ['accounts', 'show', 'ACCOUNT'],
  ['keys', 'list'],
  ['export', 'statements', 'FILE.csv', '--month', '2030-06'],
  ['export', 'events', 'FILE.jsonl'],
  ['verify'],
  ['replay', '--as-of', '0-20'],
]

test.each(commands.map((words) => ({ line: words.join(' '), words })))(
  '$line',
  async ({ words }) => {
    const file = `/tmp/old-times-${process.pid}`
    const args = words.map((word) =>
      word.replace('ACCOUNT', key.accountId).replace('REQUEST', requestId).replace('FILE', file),
    )
    const run = () => runCli(args, { database: ledger.url })
    const { status, stderr } = await withShippedClock(ledger, run)
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' })
    rmSync(`${file}.csv`, { force: true })
    rmSync(`${file}.jsonl`, { force: true })
  },
)
