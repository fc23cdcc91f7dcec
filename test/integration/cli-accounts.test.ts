/** `tollbook accounts`, and what erasing one leaves. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { catchUpAll } from '../support/catch-up-all.ts'
import { type Ran, runCli, runJson } from '../support/cli.ts'
import { compareWithProjections } from '../support/compare.ts'
import { type Json, openTestApp, type TestApp } from '../support/management-test-app.ts'

let app: TestApp

beforeAll(async () => {
  app = await openTestApp()
})
afterAll(() => app[Symbol.asyncDispose]())

const accounts = (args: string[]): Promise<Ran> =>
  runCli(['accounts', ...args], { database: app.ledger.url })

const json = (args: string[]): Promise<Json> =>
  runJson(['accounts', ...args], { database: app.ledger.url })

async function newAccount(user: string): Promise<string> {
  return (await app.issue(user)).accountId
}

test('an account is shown with its plan, its limits and what a call could use', async () => {
  const id = await newAccount('shown')
  const shown = await accounts(['show', id])
  expect(shown).toMatchObject({ status: 0, stderr: '' })
  expect(shown.stdout).toMatch(/^Plan +free, EUR 0\.00 a month$/m)
  expect(shown.stdout).toMatch(/^Available +100$/m)
  expect(await json(['show', id])).toMatchObject({
    account: { accountId: id, owner: { kind: 'user', id: 'shown' }, plan: 'free' },
    balance: { available: 100 },
  })
})

test('what a debt takes of the allowance to come is not shown as available', async () => {
  const id = await newAccount('indebted')
  await app.get('admin', 'POST', `/admin/accounts/${id}/adjustments`, { credits: 130 })
  await json(['plan', id, 'pro'])
  const { balance } = await json(['show', id])
  expect(balance.debt).toBe(0)
  expect(balance.available).toBe(4_870)
})

test('accounts are listed by plan and by state', async () => {
  const frozen = await newAccount('frozen')
  const paying = await newAccount('paying')
  await json(['freeze', frozen, '--reason', 'not paid'])
  await json(['plan', paying, 'enterprise'])
  const ids = async (args: string[]) =>
    (await json(['list', ...args])).accounts.map(({ accountId }: Json) => accountId)
  expect(await ids(['--state', 'frozen'])).toEqual([frozen])
  expect(await ids(['--plan', 'enterprise'])).toEqual([paying])
  const page = await json(['list', '--limit', '1'])
  expect(page.accounts).toHaveLength(1)
  expect(page.total).toBeGreaterThan(1)
  const second = await json(['list', '--limit', '1', '--cursor', page.next])
  expect(second.accounts[0].accountId).not.toBe(page.accounts[0].accountId)
  expect((await accounts(['list', '--state', 'frozen'])).stdout).toMatch(
    new RegExp(`^${frozen} +user frozen +free +frozen +1 +0`, 'm'),
  )
  await json(['unfreeze', frozen])
  expect(await ids(['--state', 'frozen'])).toEqual([])
})

test('a better plan starts at once, a smaller one with the next month', async () => {
  const id = await newAccount('climber')
  expect(await json(['plan', id, 'pro'])).toMatchObject({ plan: 'pro', plannedPlan: null })
  const { stdout } = await accounts(['plan', id, 'free'])
  expect(stdout).toMatch(/^Next plan +free from 2030-07-01 00:00:00 UTC$/m)
})

test('limits of its own replace those of its plan, until the plan is given back', async () => {
  const id = await newAccount('limited')
  expect(await json(['limits', id, '--rate-limit', '77', '--max-in-flight', '3'])).toMatchObject({
    ...{ rateLimit: 77, maxInFlight: 3, ownLimits: { rateLimit: 77, maxInFlight: 3 } },
  })
  expect(await json(['limits', id, '--rate-limit', 'plan'])).toMatchObject({
    ...{ rateLimit: 10, maxInFlight: 3, ownLimits: { rateLimit: null, maxInFlight: 3 } },
  })
})

test('a budget is given, changed and taken away beside the others', async () => {
  const id = await newAccount('budgeted')
  const daily = ['--per', 'day', '--tz', 'Europe/Berlin']
  await json(['budget', id, '--credits', '500', '--per', 'month'])
  await json(['budget', id, '--credits', '20', ...daily])
  expect((await json(['budget', id, '--credits', '30', ...daily])).budgets).toEqual([
    { credits: 500, per: 'month', timeZone: 'UTC' },
    { credits: 30, per: 'day', timeZone: 'Europe/Berlin' },
  ])
  const { stdout } = await accounts(['show', id])
  expect(stdout).toMatch(/^Budgets +500 a month in UTC; 30 a day in Europe\/Berlin$/m)
  expect(stdout).toMatch(
    /^30 a day in Europe\/Berlin +2030-06-14 22:00:00 +2030-06-15 22:00:00 +0 +30$/m,
  )
  expect((await json(['budget', id, '--credits', 'none', ...daily])).budgets).toHaveLength(1)
})

test('an account is described, in part, and an empty option takes away what was said', async () => {
  const id = await newAccount('described')
  const said = ['--name', ' Acme GmbH ', '--contact', ' billing@acme.example ']
  const more = ['--address', 'Hauptstr. 1; 10115 Berlin;', '--tax-id', 'DE1']
  const profile = {
    ...{ name: 'Acme GmbH', contact: 'billing@acme.example' },
    ...{ billingAddress: ['Hauptstr. 1', '10115 Berlin'], taxId: 'DE1' },
  }
  expect((await json(['describe', id, ...said, ...more])).profile).toEqual(profile)
  const without = await json(['describe', id, '--contact', ''])
  expect(without.profile).toEqual({ ...profile, contact: null })
  await json(['describe', id, ...said])
  const nothing = ['--name', '', '--contact', ' ', '--address=', '--tax-id', '']
  expect((await json(['describe', id, ...nothing])).profile).toEqual({
    ...{ name: null, contact: null, billingAddress: [], taxId: null },
  })
})

test('notes are written and listed, the newest first, page by page', async () => {
  const id = await newAccount('noted')
  expect((await accounts(['notes', id])).stdout).toBe('No notes.\n')
  await json(['note', id, '--text', ' Called, promised a refund until Friday '])
  await json(['note', id, '--text', 'Refunded'])
  const { stdout } = await accounts(['notes', id])
  const [, last, first] = stdout.split('\n')
  expect(last).toMatch(/^2030-06-15 .+ cli +Refunded$/)
  expect(first).toMatch(/^2030-06-15 .+ cli +Called, promised a refund until Friday$/)
  const page = await json(['notes', id, '--limit', '1'])
  expect(page).toMatchObject({ total: 2, notes: [{ actor: 'cli', text: 'Refunded' }] })
  const next = await json(['notes', id, '--limit', '1', '--cursor', page.next])
  const [{ text }] = next.notes
  expect([text, next.next]).toEqual(['Called, promised a refund until Friday', null])
})

test.each([
  ['the ledger has no account acc_x', ['show', 'acc_x']],
  ['the ledger has no account acc_x', ['notes', 'acc_x']],
  ['the ledger has no such account', ['note', 'acc_x', '--text', 'a']],
  ['--text takes a text of 1 to 2,000 characters', ['note', 'acc_x', '--text', ' ']],
  ['the ledger has no such account', ['freeze', 'acc_x']],
  ['the ledger has no such account', ['erase', 'acc_x', '--yes']],
  ['--state takes open, frozen or erased', ['list', '--state', 'closed']],
  ['which limit?', ['limits', 'acc_x']],
  ['who is it?', ['describe', 'acc_x']],
  ['--contact takes an e-mail address', ['describe', 'acc_x', '--contact', 'acme']],
  ['how many credits?', ['budget', 'acc_x']],
  ['--per takes day, week or month', ['budget', 'acc_x', '--credits', '5', '--per', 'hour']],
  ['--rate-limit takes a whole number', ['limits', 'acc_x', '--rate-limit', '0']],
  ['erasing cannot be undone', ['erase', 'acc_x']],
])('one sentence explains the error, and the status is 1: %s', async (sentence, args) => {
  const { status, stdout, stderr } = await accounts(args)
  expect(stderr).toContain(sentence)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
})

test('the error for an unknown plan lists the known ones', async () => {
  const { stderr } = await accounts(['plan', await newAccount('chooser'), 'gold'])
  expect(stderr).toContain('(plan: expected enterprise, free, pro)')
})

describe('an erased account', () => {
  const secrets = [
    'Wilhelmina',
    '198.51.100.7',
    'a garden in Delft',
    'asked by letter',
    'is in a hurry',
  ]
  let id: string
  let keyId: string
  let request: string
  let statement: Json

  beforeAll(async () => {
    const key = await app.issue('erased', {
      ...{ name: secrets[0], allowedIps: [secrets[1]], description: secrets[2] },
    })
    id = key.accountId
    keyId = key.id
    await app.get('admin', 'PATCH', `/admin/accounts/${id}`, { plan: 'pro', reason: secrets[3] })
    await app.get('admin', 'PATCH', `/admin/api-keys/${keyId}`, { name: `${secrets[0]} II` })
    await app.get('admin', 'POST', `/admin/accounts/${id}/notes`, { text: secrets[4] })
    request = await app.charge(keyId, 3)
    const everything = await readEverything()
    for (const secret of secrets) expect(everything).toContain(secret)
    statement = await app.get('erased', 'GET', '/account/statements/2030-06')
    await json(['erase', id, '--yes'])
  })

  /** Every response and every output about the account, as one text. */
  async function readEverything(): Promise<string> {
    const asked = [
      ...['/api-keys', `/api-keys/${keyId}`, `/api-keys/${keyId}/events`, '/account'].map((path) =>
        app.ask('erased', 'GET', path),
      ),
      app.ask('erased', 'GET', '/account/statements/2030-06'),
      app.ask('admin', 'GET', '/admin/api-keys?userId=erased'),
      app.ask('admin', 'GET', `/admin/api-keys/${keyId}`),
      app.ask('admin', 'GET', `/admin/accounts/${id}`),
      app.ask('admin', 'GET', `/admin/accounts/${id}/notes`),
      app.ask('auditor', 'GET', `/admin/events?accountId=${id}&limit=200`),
    ]
    const bodies = await Promise.all(asked.map(async (response) => (await response).text()))
    const database = app.ledger.url
    const printed = await Promise.all(
      [
        ['keys', 'show', keyId],
        ['keys', 'list', '--user', 'erased'],
        ['events', '--account', id],
        ['accounts', 'show', id],
        ['accounts', 'notes', id],
      ].map(async (args) => (await runCli(args, { database })).stdout),
    )
    return [...bodies, ...printed].join('\n')
  }

  test('is gone from every response and output, except for ids and amounts', async () => {
    const everything = await readEverything()
    for (const secret of secrets) expect(everything).not.toContain(secret)
    expect(everything).toContain(keyId)
  })

  test('cannot call, and gets no key and no credits', async () => {
    await expect(app.charge(keyId, 1)).rejects.toThrow('key_revoked')
    expect((await app.ask('erased', 'POST', '/api-keys', { name: 'New' })).status).toBe(409)
    const create = await runCli(['keys', 'create', '--user', 'erased'], {
      database: app.ledger.url,
    })
    expect(create.stderr).toContain('the account was erased')
    const grant = await runCli(['grants', 'add', id, '5'], { database: app.ledger.url })
    expect(grant.stderr).toContain('the account was erased')
  })

  test('cannot call with a key that escaped its erasure, either', async () => {
    const account = await app.ledger.account({ plan: 'free' })
    const key = await app.ledger.key(account)
    await app.ledger.change(account, 'AccountErased')
    const { verdict } = await app.ledger.hold(key, 1)
    expect(verdict).toBe('account_frozen')
  })

  test('keeps what it was charged, and its statement', async () => {
    const after = await app.get('admin', 'GET', `/admin/accounts/${id}`)
    expect(after.balance.month).toMatchObject({ settled: 3 })
    const printed = await runJson(['report', 'statement', '--account', id, '--month', '2030-06'], {
      database: app.ledger.url,
    })
    expect(printed.charges).toEqual(statement.statement.charges)
    const refund = await runJson(['grants', 'refund', request], { database: app.ledger.url })
    expect(refund.credits).toBe(3)
  })

  test('leaves the log as it was: ciphertexts, hashes and all', async () => {
    const [row] = await app.ledger.sql<{ wrong: number; sealed: number; secrets: number }[]>`
      select count(*) filter (where event_hash <> hash_event(shard, position, recorded_at, occurred_at, type,
          stream_version, account_id, key_id, mode, request_id, endpoint, tariff, credits,
          quantity, slots, status, latency_ms, lots, held, moved, actor, instance, payload, private, login)) as wrong,
        count(private) as sealed,
        (select count(*) from account_secrets where account_id = ${id}) as secrets
      from events where account_id = ${id}`
    expect(row).toMatchObject({ wrong: 0, secrets: 0 })
    expect(row?.sealed).toBeGreaterThan(3)
    await catchUpAll(app.ledger.sql)
    expect(await compareWithProjections(app.ledger.sql)).toEqual([])
  })

  test('is erased: doing it again changes nothing', async () => {
    const size = await app.ledger.size()
    expect(await json(['erase', id, '--yes'])).toMatchObject({ accountId: id, erased: true })
    expect(await app.ledger.size()).toBe(size)
    const { accounts: gone } = await json(['list', '--state', 'erased'])
    expect(gone.map(({ accountId }: Json) => accountId)).toContain(id)
  })
})
