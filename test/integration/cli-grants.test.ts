/** `tollbook grants`, as its users run it. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readBalance } from '../../src/reports/account/balance.ts'
import { runCli, runJson } from '../support/cli.ts'
import { type Json, openTestApp, type TestApp } from '../support/management-test-app.ts'

let app: TestApp
let key: Json

beforeAll(async () => {
  app = await openTestApp()
  key = await app.issue('customer')
})
afterAll(() => app[Symbol.asyncDispose]())

const json = (args: string[]): Promise<Json> =>
  runJson(['grants', ...args], { database: app.ledger.url })
const grants = (args: string[]) => runCli(['grants', ...args], { database: app.ledger.url })
const credits = async () => (await readBalance(app.ledger.sql, key.accountId, 'live'))?.available

test('credits that were given can be used, once for the same external id', async () => {
  const give = ['add', key.accountId, '500', '--paid', 'EUR:4900', '--external-id', 'inv-1']
  const first = await json([...give, '--expires', '2030-12-31', '--reason', 'invoice 1'])
  expect(await credits()).toBe(600)
  expect(await json([...give, '--expires', '2030-12-31'])).toEqual(first)
  expect(await credits()).toBe(600)
  const other = await grants([...give.with(2, '501'), '--expires', '2030-12-31'])
  expect(other.stderr).toContain('this --external-id was used for something else')
  expect(other.status).toBe(1)
  const [event] = await app.ledger.sql`
    select actor, payload from events where type = 'CreditsGranted' and actor = 'cli'`
  expect(event).toMatchObject({
    actor: 'cli',
    payload: {
      ...{ kind: 'paid', paid: { minorUnits: 4_900, currency: 'EUR' }, externalId: 'inv-1' },
      expiresAt: '2030-12-31T00:00:00.000Z',
    },
  })
})

test('a span is the same span when the command is repeated', async () => {
  const before = (await credits()) ?? 0
  const give = ['add', key.accountId, '7', '--expires', '3000d', '--external-id', 'span-1']
  const first = await json(give)
  expect(await json(give)).toEqual(first)
  expect(await credits()).toBe(before + 7)
  const other = await grants(give.with(4, '3001d'))
  expect(other.stderr).toContain('this --external-id was used for something else')
  await app.ledger.travelTo('2032-01-01T00:00:00Z')
  expect(await json(give)).toEqual(first)
  await app.ledger.travelTo('2030-06-15T12:00:00Z')
})

test('a grant that was made is found again after its time', async () => {
  const give = ['add', key.accountId, '7', '--expires', '2030-06-20', '--external-id', 'early-1']
  const first = await json(give)
  await app.ledger.travelTo('2030-07-01T00:00:00Z')
  expect(await json(give)).toEqual(first)
  const late = await grants(give.with(6, 'late-1'))
  expect(late.stderr).toContain('the time must lie ahead (expiresAt)')
})

test('what is taken away is taken as far as it goes, and the rest is owed', async () => {
  const before = (await credits()) ?? 0
  const { stdout } = await grants(['adjust', key.accountId, String(before + 7)])
  expect(stdout).toMatch(
    new RegExp(`^${before} credits taken, 7 owed: positions 0-\\d+, 0-\\d+\\.`),
  )
  expect(await readBalance(app.ledger.sql, key.accountId, 'live')).toMatchObject({
    ...{ available: 0, debt: 7 },
  })
})

test('a pack is granted as the tariff has it, once for the same order', async () => {
  const { accountId } = await app.issue('buyer')
  const give = ['pack', accountId, 'small', '--external-id', 'order-1']
  const first = await json(give)
  expect(first).toMatchObject({ credits: 5_000 })
  expect(await json(give)).toEqual(first)
  const { stdout } = await grants([...give.with(4, 'order-2'), '--test'])
  expect(stdout).toMatch(/^5,000 credits granted \(small\): lot 0-\d+\.$/m)
  const other = await grants([...give, '--test'])
  expect(other.stderr).toContain('this --external-id was used for something else')
  const unknown = await grants(give.with(2, 'huge').with(4, 'order-3'))
  expect(unknown.stderr).toContain('no such pack (pack: expected small)')
  const unnamed = await grants(give.slice(0, 3))
  expect(unnamed.stderr).toContain('grants pack needs --external-id')
  const month = app.ledger.now.toISOString().slice(0, 7)
  const statement = await runCli(
    ['report', 'statement', '--account', accountId, '--month', month],
    {
      database: app.ledger.url,
    },
  )
  expect(statement.stdout).toMatch(/paid +5,000 +\S+ \S+ +EUR 9.00 +order-1/)
})

test('a charge is given back in parts, and never more than it was', async () => {
  const other = await app.issue('refunded')
  const request = await app.charge(other.id, 5)
  expect(await json(['refund', request, '2'])).toMatchObject({ credits: 2 })
  const { stdout } = await grants(['refund', request])
  expect(stdout).toContain('3 credits refunded')
  const { status, stderr } = await grants(['refund', request, '1'])
  expect(stderr).toContain('more than is left of the charge (0 credits are left of it)')
  expect(status).toBe(1)
})

test.each([
  ['CREDITS takes a whole number', ['add', 'acc_x', 'many']],
  ['CREDITS takes a whole number from 1 to 1000000000000', ['add', 'acc_x', '9999999999999']],
  ['--paid takes a value such as EUR:1900', ['add', 'acc_x', '1', '--paid', '19.00']],
  ['--kind takes promotional or paid', ['add', 'acc_x', '1', '--kind', 'free']],
  ['--paid takes a whole number from 0', ['add', 'acc_x', '1', '--paid', 'EUR:1000000000001']],
  ['from 1970 on and before 2200', ['add', 'acc_x', '1', '--expires', '9999-12-31']],
  ['from 1970 on and before 2200', ['add', 'acc_x', '1', '--starts', '0001-01-01']],
  ['a span that ends between 1970 and 2200', ['add', 'acc_x', '1', '--expires', '999999d']],
  ['the ledger has no such account', ['adjust', 'acc_x', '1']],
  ['no call of this request id was charged', ['refund', 'unknown']],
])('one sentence explains the error, and the status is 1: %s', async (sentence, args) => {
  const { status, stdout, stderr } = await grants(args)
  expect(stderr).toContain(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
})
