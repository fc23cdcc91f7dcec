/** `report lost`: what a ledger lacks that was put back to a moment, by a copy of the log that has everything. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { backupOf, restoreUnsigned } from '../support/backup.ts'
import { runCli, runJson } from '../support/cli.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import {
  type Ledger,
  openLedger,
  type TestAccount,
  type TestKey,
  testTariff,
} from '../support/test-ledger.ts'

/** It has the whole log. */
let copy: Ledger
/** Appends to its second shard. */
let other: ReturnType<Ledger['newGateway']>
/** The ledger that was put back, and then went on. */
let kept: TestDatabase
let sql: Sql
let accounts: [TestAccount, TestAccount]
let frozen: TestAccount
/** Where the logs of both shards part: the first position that is lost. */
let parting: number[]
/** Request ids of charges that are lost. */
const lost: string[] = []

async function sell(key: TestKey, credits: number): Promise<string> {
  const gateway = key.account.shard === 0 ? copy : other
  const { hold } = await gateway.hold(key, credits)
  await gateway.settle(hold, credits)
  return hold.requestId
}

beforeAll(async () => {
  copy = await openLedger({ shards: 2 })
  other = copy.newGateway('elsewhere', { shard: 1 })
  accounts = [await copy.account(), await copy.account({ shard: 1 })]
  frozen = await copy.account()
  const [first, second] = [await copy.key(accounts[0]), await copy.key(accounts[1])]
  const trial = await copy.key(accounts[0], { mode: 'test' })
  const before = await sell(first, 2)
  await sell(second, 1)

  kept = await createDatabase()
  await restoreUnsigned(kept.url, await backupOf(copy.sql))
  sql = connect({ url: kept.url, as: 'owner', max: 1 })
  const heads = await sql<{ position: number }[]>`select position from heads order by shard`
  parting = heads.map(({ position }) => position + 1)

  lost.push(await sell(first, 3), await sell(first, 4))
  await sell(trial, 9)
  await copy.commands.refund(0, { requestId: before, credits: 1, actor: 'test' })
  await copy.change(frozen, 'AccountFrozen')
  lost.push(await sell(second, 5))
})

afterAll(async () => {
  await sql.end({ timeout: 5 })
  await kept.drop()
  await copy.close()
})

const report = (...args: readonly string[]) =>
  runJson(['report', 'lost', '--copy', copy.url, ...args], { database: kept.url })

async function expectLost(): Promise<void> {
  const found = await report('--lines')
  const ends = await copy.sql<{ position: number }[]>`select position from heads order by shard`
  expect(found.ranges).toMatchObject(
    ends.map(({ position }, shard) => ({
      ...{ from: `${shard}-${parting[shard]}`, upTo: `${shard}-${position}` },
      events: position - (parting[shard] ?? 0) + 1,
    })),
  )
  expect(found.accounts).toEqual([
    { accountId: accounts[0].accountId, charges: 2, credits: 7, refunded: 1 },
    { accountId: accounts[1].accountId, charges: 1, credits: 5, refunded: 0 },
  ])
  expect(found.charges.map(({ requestId }: { requestId: string }) => requestId)).toEqual(lost)
  expect(found.decided).toMatchObject([
    { type: 'ChargeRefunded', accountId: accounts[0].accountId },
    { type: 'AccountFrozen', accountId: frozen.accountId },
  ])
}

test('a ledger that has every event up to the end of the copy has lost nothing', async () => {
  const { stdout } = await runCli(['report', 'lost', '--copy', kept.url], { database: copy.url })
  expect(stdout).toBe('Nothing is lost: the ledger has every event up to the end of the copy.\n')
  const backwards = await runJson(['report', 'lost', '--copy', kept.url], { database: copy.url })
  expect(backwards).toEqual({ ranges: [], accounts: [], decided: [] })
})

test(
  'charges and refunds of live calls are summed up by account, and what people decided is listed',
  expectLost,
)

test('people read it as tables', async () => {
  const { stdout, status } = await runCli(['report', 'lost', '--copy', copy.url, '--lines'], {
    database: kept.url,
  })
  expect(status).toBe(0)
  expect(stdout).toMatch(
    /^0-\d+ to 0-\d+ are lost: \d+ events, recorded from 2030-06-15 12:00:00 to/,
  )
  expect(stdout).toMatch(new RegExp(`^${accounts[0].accountId} +2 +7 +1$`, 'm'))
  expect(stdout).toContain('3 charges, 12 credits\n')
  expect(stdout).toMatch(new RegExp(`${frozen.accountId}.*frozen`, 'i'))
  for (const requestId of lost) expect(stdout).toContain(requestId)
})

test('what the ledger has written since, and the acceptance of the loss, change nothing of it', async () => {
  const accepted = await runCli(['restore', '--accept-loss', '--reason', 'disk lost'], {
    database: kept.url,
  })
  expect(accepted.status).toBe(0)
  const more = ['accounts', 'unfreeze', frozen.accountId]
  await runCli(more, { database: kept.url })
  await expectLost()
})

test('an event before the parting that somebody has changed is not taken for the parting', async () => {
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`
    await tx`
      update events set event_hash = sha256(event_hash)
      where shard = 0 and position between 2 and ${(parting[0] ?? 0) - 2}`
  })
  await expectLost()
})

test('a copy that is the ledger itself, or of another ledger, or none, is refused by name', async () => {
  const itself = await runCli(['report', 'lost', '--copy', kept.url], { database: kept.url })
  expect(itself).toMatchObject({ status: 1, stdout: '' })
  expect(itself.stderr).toContain('--copy leads to the ledger itself')
  const stranger = await openLedger({ tariff: null })
  await stranger.advance(1_000)
  await stranger.publish(testTariff)
  const refused = await runCli(['report', 'lost', '--copy', stranger.url], { database: kept.url })
  await stranger.close()
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toContain('begin with different events')
  const none = await runCli(['report', 'lost'], { database: kept.url })
  expect(none.stderr).toContain('lost of what? Name the server that has the log as it was')
})
