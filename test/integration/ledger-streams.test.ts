/** What may follow what in the streams of accounts, keys and tariffs, whoever records it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { NewEvent } from '../../events/new-event.ts'
import type { ExpectedVersion } from '../../src/ledger/commands/management-commands.ts'
import { accountIdOf } from '../../src/lib/ids.ts'
import { runCli } from '../support/cli.ts'
import { putShippedClock } from '../support/shipped-clock.ts'
import { type Ledger, openLedger, testTariff } from '../support/test-ledger.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await openLedger()
})
afterAll(() => ledger.close())

/** Records one event, and says what the ledger says. */
function record(event: NewEvent, expected: readonly ExpectedVersion[]): Promise<string> {
  const command = { id: crypto.randomUUID(), actor: 'test', expected, events: [event] }
  return ledger.commands.record(0, { ...command, secret: new Uint8Array(32) }).then(
    ({ verdict }) => verdict,
    (error: Error) => error.message,
  )
}

const keyPayload = (hash: string) => ({
  ...{ hash: hash.repeat(64), display: 'x', endpoints: null, rateLimit: null },
  ...{ monthlyCap: null, expiresAt: null },
})

test('a key stays of the account and mode that it was made for', async () => {
  const own = await ledger.account()
  const other = await ledger.account()
  const { keyId } = await ledger.key(own)
  const expected = [{ stream: 'key', id: keyId, version: 1 }] as const
  const change = { type: 'KeyDisabled', payload: {}, keyId } as const
  const refused = `the key ${keyId} is of another account or mode`
  const { accountId } = own
  expect(await record({ ...change, accountId: other.accountId, mode: 'live' }, expected)).toBe(
    refused,
  )
  expect(await record({ ...change, accountId, mode: 'test' }, expected)).toBe(refused)
  expect(await record({ ...change, accountId, mode: 'live' }, expected)).toBe('ok')
})

test('an account that was erased is not opened again', async () => {
  const owner = { kind: 'user', id: 'erased' } as const
  const account = await ledger.account({ owner })
  await ledger.change(account, 'AccountErased')
  const { accountId, version } = account
  const opened = { type: 'AccountOpened', payload: { owner }, accountId } as const
  expect(await record(opened, [{ stream: 'account', id: accountId, version }])).toContain(
    'a stream is opened once',
  )
  const [state] = await ledger.sql`
    select version, erased from account_state where account_id = ${accountId}`
  expect(state).toEqual({ version: 3, erased: true })
})

test('a version that is expected of no stream opens none', async () => {
  const owner = { kind: 'user', id: 'erased-too' } as const
  const account = await ledger.account({ owner })
  await ledger.change(account, 'AccountErased')
  const { accountId } = account
  const opened = { type: 'AccountOpened', payload: { owner }, accountId } as const
  for (const [stream, id] of [
    ['acc', `ount${accountId}`],
    ['', `account${accountId}`],
    [null, accountId],
  ] as const) {
    const forged = { stream, id, version: 0 } as unknown as ExpectedVersion
    expect(await record(opened, [forged])).toBe(
      'a version is expected of an account, of a key or of an operator key, and of nothing else',
    )
  }
})

test('a key that was revoked is not issued again, nor imported', async () => {
  const key = await ledger.key(await ledger.account())
  await ledger.change(key, 'KeyRevoked')
  const { keyId, accountId, version } = key
  const expected = [{ stream: 'key', id: keyId, version }] as const
  const at = { accountId, keyId, mode: 'live' } as const
  const issued = { type: 'KeyIssued', payload: keyPayload('a'), ...at } as const
  const more = { enabled: true, createdAt: '2030-01-01T00:00:00.000Z' }
  const imported = { ...issued, type: 'KeyImported', payload: { ...issued.payload, ...more } }
  for (const event of [issued, imported] as const) {
    expect(await record(event as NewEvent, expected)).toContain('a stream is opened once')
  }
})

test('a stream begins with the event that opens it', async () => {
  const { accountId } = await ledger.account()
  const nobody = accountIdOf({ kind: 'user', id: 'nobody' })
  const frozen = { type: 'AccountFrozen', payload: {}, accountId: nobody } as const
  expect(await record(frozen, [{ stream: 'account', id: nobody, version: 0 }])).toContain(
    'a stream is opened once, by its first event',
  )
  const revoked = { type: 'KeyRevoked', payload: {}, accountId, keyId: 'key_x', mode: 'live' }
  expect(await record(revoked as NewEvent, [{ stream: 'key', id: 'key_x', version: 0 }])).toContain(
    'a stream is opened once, by its first event',
  )
})

test('the hash of a tariff stands for one content', async () => {
  const [first] = await ledger.sql<{ payload: Record<string, unknown> }[]>`
    select payload from events where type = 'TariffPublished'`
  const { pro } = testTariff.plans
  const plans = { ...testTariff.plans, pro: { ...pro, credits: 10_000 } }
  const from = '2031-01-01T00:00:00.000Z'
  const published = { type: 'TariffPublished', payload: { ...first?.payload, from } } as const
  expect(await record(published, [])).toBe('ok')
  const other = { ...published, payload: { ...published.payload, plans } }
  expect(await record(other as NewEvent, [])).toBe(
    'a tariff of this hash was published with another content',
  )
})

test('the log that came of it is sound', async () => {
  await putShippedClock(ledger.owner)
  const { stdout, status } = await runCli(['verify'], { database: ledger.url })
  expect([status, stdout]).toEqual([0, expect.any(String)])
})
