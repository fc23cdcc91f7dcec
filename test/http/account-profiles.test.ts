/** Who an account's owner is: who says it, who reads it, who finds the account by it, and that erasing the account erases all of it. */
import { afterAll, describe, expect, test } from 'bun:test'
import { fillAccountNames } from '../../src/ledger/account-profile.ts'
import { connect } from '../../src/ledger/connect.ts'
import { accountIdOf } from '../../src/lib/ids.ts'
import { openVerifier } from '../../src/projector/verify/verifier.ts'
import { type Json, openTestApp, token } from '../support/management-test-app.ts'
import { until } from '../support/until.ts'

const app = await openTestApp()
const { ask, get, issue, ledger } = app
afterAll(() => app[Symbol.asyncDispose]())

const acme = {
  name: 'Acme Straße GmbH',
  contact: 'Billing@acme.example',
  billingAddress: ['Hauptstraße 1', '10115 Berlin'],
  taxId: 'DE123456789',
}
const nobody = { name: null, contact: null, billingAddress: [], taxId: null }

let users = 0
async function newAccount() {
  const who = `owner-${++users}`
  await issue(who)
  const accountId = accountIdOf({ kind: 'user', id: who })
  return { who, accountId, path: `/admin/accounts/${accountId}` }
}

const profileOf = async (path: string) => (await get('auditor', 'GET', path)).account.profile
const found = async (search: string): Promise<Json[]> =>
  (await get('auditor', 'GET', `/admin/accounts?${new URLSearchParams({ search })}`)).accounts

describe('an account is described', () => {
  test('by an admin, with a reason that stays with the event', async () => {
    const { accountId, path } = await newAccount()
    expect(await profileOf(path)).toEqual(nobody)
    const body = { profile: acme, reason: 'As their order says' }
    expect((await get('admin', 'PATCH', path, body)).account.profile).toEqual(acme)
    expect(await profileOf(path)).toEqual(acme)
    const { events } = await get('auditor', 'GET', `/admin/events?accountId=${accountId}`)
    expect(events.at(-1)).toMatchObject({
      ...{ type: 'AccountDescribed', reason: 'As their order says', payload: {} },
      summary: 'Account described: its name, contact, billing address or tax id changed',
    })
    expect(JSON.stringify(events)).not.toMatch(/Acme|acme/)
  })

  test('in part: what is absent stays, and null takes away; nothing new is no event', async () => {
    const { path } = await newAccount()
    await get('admin', 'PATCH', path, { profile: acme })
    const size = await ledger.size()
    await get('admin', 'PATCH', path, { profile: { name: acme.name } })
    await get('admin', 'PATCH', path, { profile: {} })
    expect(await ledger.size()).toBe(size)
    await get('admin', 'PATCH', path, { profile: { taxId: null, billingAddress: [] } })
    expect(await profileOf(path)).toEqual({ ...acme, taxId: null, billingAddress: [] })
  })

  test('by its owner, who reads it too, and says nothing of other accounts', async () => {
    const { who, path } = await newAccount()
    const other = await newAccount()
    const { account } = await get(who, 'PATCH', '/account', { profile: acme })
    expect(account.profile).toEqual(acme)
    expect((await get(who, 'GET', '/account')).account.profile).toEqual(acme)
    expect(await profileOf(path)).toEqual(acme)
    expect(await profileOf(other.path)).toEqual(nobody)
    expect((await ask(who, 'PATCH', other.path, { profile: acme })).status).toBe(403)
    expect((await ask('auditor', 'PATCH', other.path, { profile: acme })).status).toBe(403)
  })

  test('once under an Idempotency-Key, and only as it was seen', async () => {
    const { accountId, path } = await newAccount()
    const { version } = (await get('admin', 'GET', path)).account
    const send = async (name: string, key: string, match: number) =>
      app.handle(
        new Request(`http://localhost${path}`, {
          method: 'PATCH',
          headers: {
            authorization: `Bearer ${await token('admin')}`,
            ...{ 'content-type': 'application/json', 'idempotency-key': key },
            'if-match': `"${match}"`,
          },
          body: JSON.stringify({ profile: { name } }),
        }),
      )
    expect((await send('First', 'one', version)).status).toBe(200)
    expect((await send('Second', 'two', version)).status).toBe(412)
    expect((await send('First', 'one', version)).status).toBe(200)
    expect((await send('Second', 'one', version)).status).toBe(409)
    const [{ count }] = await ledger.sql<[{ count: number }]>`
      select count(*) from events where account_id = ${accountId} and type = 'AccountDescribed'`
    expect(count).toBe(1)
  })

  const long = 'x'.repeat(10_000)
  test.each([
    ['an empty name', { name: '' }],
    ['a name of ten thousand characters', { name: long }],
    ['a name that turns texts around', { name: 'a\u202eb' }],
    ['a name of two lines', { name: 'a\nb' }],
    ['a contact that is no address', { contact: 'acme' }],
    ['a contact of ten thousand characters', { contact: `a@${long}` }],
    ['an address that is no list', { billingAddress: 'Hauptstraße 1' }],
    ['an address of nine lines', { billingAddress: Array(9).fill('line') }],
    ['a line of ten thousand characters', { billingAddress: [long] }],
    ['a number as a tax id', { taxId: 7 }],
    ['what it does not know', { phone: '1' }],
  ])('400: not with %s', async (_, profile) => {
    const { path, who } = await newAccount()
    const size = await ledger.size()
    expect((await ask('admin', 'PATCH', path, { profile })).status).toBe(400)
    expect((await ask(who, 'PATCH', '/account', { profile })).status).toBe(400)
    expect(await ledger.size()).toBe(size)
  })
})

describe('GET /admin/accounts?search=', () => {
  test('finds an account by a part of its name or contact, in any letters, beside its ids', async () => {
    const { accountId, path, who } = await newAccount()
    await get('admin', 'PATCH', path, { profile: { ...acme, name: 'Ｕnique ＡＧ Żółć %_' } })
    const texts = ['unique ag', 'UNIQUE', 'żółć', 'ŻÓŁĆ %_', accountId, who]
    for (const text of texts) {
      const accounts = await found(text)
      expect([text, accounts]).toEqual([text, [expect.objectContaining({ accountId })]])
      expect(accounts[0]?.name).toBe('Ｕnique ＡＧ Żółć %_')
    }
    expect((await found('acme.example')).map((row) => row.accountId)).toContain(accountId)
    expect(await found('unique_ag')).toEqual([])
    await get('admin', 'PATCH', path, { profile: { name: 'Another' } })
    expect(await found('unique ag')).toEqual([])
    expect(await found('another')).toHaveLength(1)
  })

  test.each([
    ['markup', '<img src=x onerror=alert(1)>'],
    ['two hundred emoji', '👩'.repeat(200)],
    ['letters that are eighteen each when they are compared', '\ufdfa'.repeat(200)],
    ['SQL', `'; drop table account_names; --`],
  ])('finds an account whose name is %s, as it was written', async (_, name) => {
    const { accountId, path } = await newAccount()
    await get('admin', 'PATCH', path, { profile: { name } })
    const search = [...name].slice(0, 40).join('')
    expect(await found(search)).toEqual([expect.objectContaining({ accountId, name })])
  })
})

describe('erasing an account', () => {
  /** How many rows of any table have a text in any column. */
  async function rowsWith(text: string): Promise<Record<string, number>> {
    const tables = await ledger.owner<{ name: string }[]>`
      select c.oid::regclass::text as name from pg_class c
      where c.relnamespace = 'tollbook'::regnamespace and c.relkind = 'r'`
    const counts: Record<string, number> = {}
    for (const { name } of tables) {
      const [{ count }] = await ledger.owner.unsafe<[{ count: number }]>(
        `select count(*) from ${name} t
          where strpos(lower(t::text), lower($1)) > 0 or strpos(t::text, encode(convert_to($1, 'UTF8'), 'hex')) > 0`,
        [text],
      )
      if (count > 0) counts[name] = count
    }
    return counts
  }

  test('erases who its owner is, wherever it stood', async () => {
    const { accountId, path } = await newAccount()
    const gone = { ...acme, name: 'Vanishing Ltd', contact: 'x@vanishing.example' }
    await get('admin', 'PATCH', path, { profile: gone, reason: 'vanishing' })
    expect(await rowsWith('vanishing')).toEqual({ account_names: 1 })
    expect(await found('vanishing')).toHaveLength(1)

    await app.management.eraseAccount(accountId, { id: 'cli' })
    expect(await rowsWith('vanishing')).toEqual({})
    expect(await found('vanishing')).toEqual([])
    expect(await profileOf(path)).toEqual(nobody)
    expect((await found(accountId))[0]).toMatchObject({ state: 'erased', name: null })
    expect((await ask('admin', 'PATCH', path, { profile: gone })).status).toBe(409)
  })

  test('leaves no name where names are written meanwhile', async () => {
    const { accountId, path } = await newAccount()
    await get('admin', 'PATCH', path, { profile: { name: 'Erased Meanwhile' } })
    await ledger.owner`delete from account_names where account_id = ${accountId}`
    const erasing = connect({ url: ledger.url, as: 'owner', max: 1 })
    try {
      const { secret, written } = await erasing.begin(async (tx) => {
        const [row] = await tx<[{ secret: Uint8Array }]>`
          delete from account_secrets where account_id = ${accountId} returning secret`
        const written = fillAccountNames(ledger.owner)
        // It waits for the end of the erasure.
        await until(async () => {
          const [{ count }] = await ledger.sql<[{ count: number }]>`
            select count(*) from pg_locks l join pg_stat_activity a on a.pid = l.pid
            where not l.granted and a.datname = current_database()`
          return count > 0
        })
        return { secret: row.secret, written: [written] }
      })
      await Promise.all(written)
      expect(await rowsWith('erased meanwhile')).toEqual({})
      // So that the account can be erased as it should be.
      await erasing`insert into account_secrets values (${accountId}, 0, ${secret})`
      await app.management.eraseAccount(accountId, { id: 'cli' })
    } finally {
      await erasing.end()
    }
  })

  test('is seen by verify where a name was left behind, and a name that is lost is written again', async () => {
    const { accountId, path } = await newAccount()
    await get('admin', 'PATCH', path, { profile: { name: 'Lost And Found' } })
    const verifier = await openVerifier({ url: ledger.url, maxDescribed: 5 })
    const faults = async () => (await verifier.run()).tables.faults
    try {
      expect(await faults()).toEqual([])
      await ledger.owner`delete from account_names where account_id = ${accountId}`
      expect(await faults()).toEqual([
        {
          ...{ table: 'account_names', row: accountId },
          fault: 'its account is open and described, and is not found by its name',
        },
      ])
      await fillAccountNames(ledger.owner)
      expect(await faults()).toEqual([])
      expect(await found('lost and')).toHaveLength(1)
      await ledger.owner`insert into account_names values ('acc_nobody', 0, 'left')`
      expect((await faults()).map(({ row }) => row)).toEqual(['acc_nobody'])
    } finally {
      await ledger.owner`delete from account_names where account_id = 'acc_nobody'`
      await verifier.close()
    }
  })
})
