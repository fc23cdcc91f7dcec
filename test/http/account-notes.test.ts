/** Notes on accounts: which operators write and read them, that owners never see one, and that erasing the account erases them. */
import { afterAll, describe, expect, test } from 'bun:test'
import { accountIdOf } from '../../src/lib/ids.ts'
import { type Json, openTestApp, token } from '../support/management-test-app.ts'

const app = await openTestApp()
const { ask, get, issue, ledger } = app
afterAll(() => app[Symbol.asyncDispose]())

let users = 0
async function newAccount() {
  const who = `owner-${++users}`
  const { id: keyId } = await issue(who)
  const accountId = accountIdOf({ kind: 'user', id: who })
  return { who, keyId, accountId, notes: `/admin/accounts/${accountId}/notes` }
}

const textsOf = async (notes: string) =>
  (await get('auditor', 'GET', notes)).notes.map(({ text }: Json) => text)
const countOf = async (accountId: string) => {
  const [{ count }] = await ledger.sql<[{ count: number }]>`
    select count(*) from events where account_id = ${accountId} and type = 'AccountNoted'`
  return count
}

describe('a note', () => {
  test('is written by an admin, and read with who wrote it and when, the newest first', async () => {
    const { notes } = await newAccount()
    expect(await get('auditor', 'GET', notes)).toEqual({ notes: [], total: 0, nextCursor: null })
    await get('admin', 'POST', notes, { text: 'Called: promised a refund until Friday' })
    await ledger.advance(60_000)
    await get('admin', 'POST', notes, { text: 'Refunded' })
    const { notes: read, total } = await get('auditor', 'GET', notes)
    expect(total).toBe(2)
    expect(read).toMatchObject([
      { actor: 'admin:admin', text: 'Refunded' },
      { actor: 'admin:admin', text: 'Called: promised a refund until Friday' },
    ])
    const [later, earlier] = read.map(({ writtenAt }: Json) => Date.parse(writtenAt))
    expect(later - earlier).toBeGreaterThanOrEqual(60_000)
  })

  test('is an event, whose text is nowhere but under the account’s secret', async () => {
    const { accountId, notes } = await newAccount()
    const { account } = await get('admin', 'POST', notes, { text: 'Sounds unhappy' })
    const { events } = await get('auditor', 'GET', `/admin/events?accountId=${accountId}`)
    expect(events.at(-1)).toMatchObject({
      ...{ type: 'AccountNoted', payload: {}, summary: 'Note written on the account' },
      ...{ actor: 'admin:admin', streamVersion: account.version },
    })
    expect(JSON.stringify(events)).not.toContain('unhappy')
    expect(await rowsWith('unhappy')).toEqual([])
  })

  test('of the same text is another note, but under the same Idempotency-Key it is the same', async () => {
    const { accountId, notes } = await newAccount()
    const send = async (text: string, key?: string) => {
      const response = await app.handle(
        new Request(`http://localhost${notes}`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${await token('admin')}`,
            'content-type': 'application/json',
            ...(key !== undefined && { 'idempotency-key': key }),
          },
          body: JSON.stringify({ text }),
        }),
      )
      return response.status
    }
    const together = await Promise.all([1, 2, 3].map(() => send('Nobody picked up', 'one')))
    expect(together).toEqual([201, 201, 201])
    expect(await countOf(accountId)).toBe(1)
    expect(await send('Another', 'one')).toBe(409)
    expect(await send('Nobody picked up')).toBe(201)
    expect(await textsOf(notes)).toEqual(['Nobody picked up', 'Nobody picked up'])
  })

  test('stands on one page, however many are written meanwhile', async () => {
    const { notes } = await newAccount()
    for (const text of ['1', '2', '3', '4', '5']) await get('admin', 'POST', notes, { text })
    const read: string[] = []
    for (let cursor = ''; ; ) {
      const page = await get('auditor', 'GET', `${notes}?limit=2${cursor}`)
      read.push(...page.notes.map(({ text }: Json) => text))
      if (page.nextCursor === null) break
      cursor = `&cursor=${page.nextCursor}`
      await get('admin', 'POST', notes, { text: 'meanwhile' })
    }
    expect(read).toEqual(['5', '4', '3', '2', '1'])
    const other = await newAccount()
    for (const cursor of ['0-1', 'nowhere']) {
      expect((await ask('auditor', 'GET', `${other.notes}?cursor=${cursor}`)).status).toBe(400)
    }
  })

  test.each([
    ['markup', '<img src=x onerror=alert(1)>'],
    ['two thousand emoji', '👩'.repeat(2_000)],
    ['SQL', `'; drop table account_notes; --`],
    ['names that objects have', '{"__proto__":{"text":1}}'],
  ])('of %s is read as it was written', async (_, text) => {
    const { notes } = await newAccount()
    await get('admin', 'POST', notes, { text })
    expect(await textsOf(notes)).toEqual([text])
  })

  test.each([
    ['nothing', {}],
    ['an empty text', { text: '' }],
    ['a text that is too long', { text: 'x'.repeat(2_001) }],
    ['a text that is turned around', { text: 'a\u202eb' }],
    ['two lines', { text: 'a\nb' }],
    ['a number', { text: 7 }],
    ['what it does not know', { text: 'a', reason: 'b' }],
  ])('400: not with %s', async (_, body) => {
    const { accountId, notes } = await newAccount()
    expect((await ask('admin', 'POST', notes, body)).status).toBe(400)
    expect(await countOf(accountId)).toBe(0)
  })

  test('404: of no account', async () => {
    const notes = '/admin/accounts/acc_nobody/notes'
    expect((await ask('auditor', 'GET', notes)).status).toBe(404)
    expect((await ask('admin', 'POST', notes, { text: 'a' })).status).toBe(404)
  })

  test('403: written by no auditor, and neither written nor read by an owner', async () => {
    const { accountId, who, notes } = await newAccount()
    expect((await ask('auditor', 'POST', notes, { text: 'a' })).status).toBe(403)
    expect((await ask(who, 'POST', notes, { text: 'a' })).status).toBe(403)
    expect((await ask(who, 'GET', notes)).status).toBe(403)
    expect((await ask(who, 'PATCH', '/account', { note: 'a' })).status).toBe(400)
    expect(await countOf(accountId)).toBe(0)
  })
})

test('an owner sees no note, whatever he asks', async () => {
  const { who, keyId, notes } = await newAccount()
  const call = await app.charge(keyId, 3)
  await get('admin', 'POST', notes, { text: 'Looks like a reseller' })
  await app.catchUp()
  const month = '/account/statements/2030-06'
  const paths = [
    ...['/account', '/account/balance', '/account/balance/history', '/account/usage?by=hour'],
    ...['/account/statements', month, `${month}?lines=true`, `${month}?format=html`],
    ...['/account/charges', `/account/calls/${call}`, '/account/prices', '/api-keys'],
    ...[`/api-keys/${keyId}`, `/api-keys/${keyId}/events?limit=200`, `/api-keys/${keyId}/usage`],
    ...[`/api-keys/${keyId}/usage/summary`, `/api-keys/${keyId}/events?type=AccountNoted`],
  ]
  for (const path of paths) {
    const response = await ask(who, 'GET', path)
    expect([path, response.status]).toEqual([path, 200])
    expect([path, await response.text()]).not.toEqual([
      path,
      expect.stringMatching(/reseller|AccountNoted|note written|admin:admin/i),
    ])
  }
})

test('of an erased account nobody can read a note, and there is none to be written', async () => {
  const { accountId, notes } = await newAccount()
  await get('admin', 'POST', notes, { text: 'Vanishing soon' })
  await get('admin', 'POST', notes, { text: 'Vanishing now' })
  await app.management.eraseAccount(accountId, { id: 'cli' })
  const read = await get('auditor', 'GET', notes)
  expect(read).toMatchObject({ total: 2, notes: [{ text: null }, { text: null }] })
  expect(read.notes[0].actor).toBe('admin:admin')
  expect((await ask('admin', 'POST', notes, { text: 'More' })).status).toBe(409)
  expect(await rowsWith('vanishing')).toEqual([])
})

/** The tables that have a text in any column of any row. */
async function rowsWith(text: string): Promise<string[]> {
  const tables = await ledger.owner<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
    where c.relnamespace = 'tollbook'::regnamespace and c.relkind = 'r'`
  const found: string[] = []
  for (const { name } of tables) {
    const [{ count }] = await ledger.owner.unsafe<[{ count: number }]>(
      `select count(*) from ${name} t
        where strpos(lower(t::text), lower($1)) > 0 or strpos(t::text, encode(convert_to($1, 'UTF8'), 'hex')) > 0`,
      [text],
    )
    if (count > 0) found.push(name)
  }
  return found
}
