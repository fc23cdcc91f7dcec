/** Operator keys: secrets with which programs come as operators, for a time, and no further than their role. */
import { afterAll, describe, expect, test } from 'bun:test'
import { mintOperatorKey } from '../../src/gate/authenticate/operator-key-format.ts'
import { openOperatorKeyLookup } from '../../src/http/auth/operator-keys.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { secureRandom } from '../../src/lib/base62.ts'
import { checkCommands } from '../../src/projector/verify/tables/check-commands.ts'
import { type Json, openTestApp, token } from '../support/management-test-app.ts'

const app = await openTestApp()
afterAll(() => app[Symbol.asyncDispose]())
const { ledger } = app
const path = '/admin/operator-keys'

const inDays = (days: number) => new Date(ledger.now.getTime() + days * 86_400_000).toISOString()

interface Asked {
  readonly json?: object
  readonly headers?: Readonly<Record<string, string>>
}

/** @param bearer `admin`, `auditor` or a user, or an operator key */
async function ask(bearer: string, method: string, target: string, { json, headers }: Asked = {}) {
  const secret = bearer.startsWith('sk_op_') ? bearer : await token(bearer)
  const response = await app.handle(
    new Request(`http://localhost${target}`, {
      method,
      headers: {
        ...{ authorization: `Bearer ${secret}`, ...headers },
        ...(json && { 'content-type': 'application/json' }),
      },
      ...(json && { body: JSON.stringify(json) }),
    }),
  )
  return { status: response.status, body: (await response.json()) as Json }
}

async function issue(more: object = {}) {
  const json = { name: 'Export', role: 'auditor', expiresAt: inDays(90), ...more }
  const { status, body } = await ask('admin', 'POST', path, { json })
  expect([status, body.detail]).toEqual([201, undefined])
  return { text: body.key as string, id: body.operatorKey.id as string, body }
}

/** The status of a read with an operator key. */
const use = async (text: string) => (await ask(text, 'GET', '/admin/accounts')).status

async function listed(id: string): Promise<Json> {
  const { body } = await ask('auditor', 'GET', path)
  return body.operatorKeys.find((each: Json) => each.id === id)
}

describe('an operator key', () => {
  test('is shown once, works, is rotated with a grace, and is refused once it is revoked', async () => {
    const { text, id, body } = await issue({ reason: 'the nightly export' })
    expect(text).toMatch(/^sk_op_[0-9A-Za-z]{38}$/)
    expect(body.operatorKey).toMatchObject({
      ...{ name: 'Export', role: 'auditor', state: 'active', version: 1 },
      ...{ display: `sk_op_…${text.slice(-4)}`, previousUntil: null, revokedAt: null },
    })
    expect(JSON.stringify(await listed(id))).not.toContain(text)
    expect(await use(text)).toBe(200)

    const json = { graceSeconds: 3_600, reason: 'by the calendar' }
    const rotated = await ask('admin', 'POST', `${path}/${id}/rotate`, { json })
    expect(rotated.status).toBe(200)
    const next: string = rotated.body.key
    expect(rotated.body.operatorKey).toMatchObject({
      id,
      version: 2,
      expiresAt: body.operatorKey.expiresAt,
    })
    expect([await use(text), await use(next)]).toEqual([200, 200])
    await ledger.advance(3_600_000 - 1)
    expect([await use(text), await use(next)]).toEqual([200, 200])
    await ledger.advance(1)
    expect([await use(text), await use(next)]).toEqual([401, 200])

    const revoked = await ask('admin', 'DELETE', `${path}/${id}`, { json: { reason: 'done' } })
    expect(revoked.body.operatorKey).toMatchObject({ state: 'revoked', version: 3 })
    expect([await use(text), await use(next)]).toEqual([401, 401])
    const again = await ask('admin', 'DELETE', `${path}/${id}`)
    expect(again.body.operatorKey).toEqual(revoked.body.operatorKey)
    expect((await ask('admin', 'POST', `${path}/${id}/rotate`)).status).toBe(409)

    const { body: log } = await ask('auditor', 'GET', '/admin/events?calls=false&limit=200')
    const ofKey = log.events?.filter((event: Json) => event.payload.id === id)
    expect(ofKey.map(({ type, actor, reason }: Json) => [type, actor, reason])).toEqual([
      ['OperatorKeyIssued', 'admin:admin', 'the nightly export'],
      ['OperatorKeyRotated', 'admin:admin', 'by the calendar'],
      ['OperatorKeyRevoked', 'admin:admin', 'done'],
    ])
    for (const secret of [text, next]) expect(JSON.stringify(log)).not.toContain(secret)
  })

  test('that is rotated without a grace has one secret, and both at once are revoked', async () => {
    const { text, id } = await issue()
    const first = await ask('admin', 'POST', `${path}/${id}/rotate`)
    expect([await use(text), await use(first.body.key)]).toEqual([401, 200])
    const json = { graceSeconds: 3_600 }
    const second = await ask('admin', 'POST', `${path}/${id}/rotate`, { json })
    expect([await use(first.body.key), await use(second.body.key)]).toEqual([200, 200])
    await ask('admin', 'DELETE', `${path}/${id}`)
    expect([await use(first.body.key), await use(second.body.key)]).toEqual([401, 401])
  })

  test('is refused from its expiry on; a rotation can give the new secret another one', async () => {
    const { text, id } = await issue({ expiresAt: inDays(1) })
    const json = { graceSeconds: 30 * 86_400, expiresAt: inDays(3) }
    const rotated = await ask('admin', 'POST', `${path}/${id}/rotate`, { json })
    // The old secret does not last any longer for it.
    expect(rotated.body.operatorKey.previousUntil).toBe(inDays(1))
    await ledger.advance(86_400_000 - 1)
    expect([await use(text), await use(rotated.body.key)]).toEqual([200, 200])
    await ledger.advance(1)
    expect([await use(text), await use(rotated.body.key)]).toEqual([401, 200])
    await ledger.advance(2 * 86_400_000)
    expect(await use(rotated.body.key)).toBe(401)
    expect(await listed(id)).toMatchObject({ state: 'expired', previousUntil: null })
    const late = await ask('admin', 'POST', `${path}/${id}/rotate`)
    expect([late.status, late.body.errors[0].pointer]).toEqual([400, '/expiresAt'])
    const revived = await ask('admin', 'POST', `${path}/${id}/rotate`, {
      json: { ...json, expiresAt: inDays(2) },
    })
    expect(await use(revived.body.key)).toBe(200)
    expect(await use(rotated.body.key)).toBe(401)
  })

  test.each([
    ['not at all', undefined],
    ['in the past', () => inDays(-1)],
    ['now', () => inDays(0)],
    ['later than in 366 days', () => new Date(Date.parse(inDays(366)) + 1).toISOString()],
  ])('that would expire %s is not issued', async (_, expiresAt) => {
    const json = { name: 'Export', role: 'auditor', ...(expiresAt && { expiresAt: expiresAt() }) }
    const { status, body } = await ask('admin', 'POST', path, { json })
    expect([status, body.errors[0].pointer]).toEqual([400, '/expiresAt'])
  })

  test('lasts 366 days at most', async () => {
    const { text } = await issue({ expiresAt: inDays(366) })
    expect(await use(text)).toBe(200)
  })

  test('with a typo, or that was never issued, is refused; the typo without a look-up', async () => {
    const { text } = await issue()
    const last = text.at(-1) === '0' ? '1' : '0'
    const never = mintOperatorKey(secureRandom).key
    const wrong = [`${text.slice(0, -1)}${last}`, text.slice(0, -1), `${text}0`, 'sk_op_', never]
    for (const other of wrong) expect([other, await use(other)]).toEqual([other, 401])
    const noLookups = (() => {
      throw new Error('the ledger was asked')
    }) as unknown as Sql
    const lookup = openOperatorKeyLookup(noLookups)
    for (const typo of wrong.slice(0, -1)) {
      expect(await lookup.authenticate(typo, '192.0.2.1')).toBeUndefined()
    }
    await expect(lookup.authenticate(never, '192.0.2.1')).rejects.toThrow('the ledger was asked')
  })
})

describe('what an operator key may do', () => {
  test('is what its role may, within the same bounds, and its changes name it', async () => {
    const { id: keyId } = await app.issue('owner-of-operator-keys')
    const { body } = await ask('admin', 'GET', `/admin/api-keys/${keyId}`)
    const grants = `/admin/accounts/${body.apiKey.accountId}/grants`
    const small = { json: { credits: 5, kind: 'promotional' } }
    const paid = { json: { credits: 5, kind: 'paid' } }
    const [auditor, support, admin] = [
      await issue({ role: 'auditor' }),
      await issue({ role: 'support' }),
      await issue({ role: 'admin' }),
    ]
    expect((await ask(auditor.text, 'POST', grants, small)).status).toBe(403)
    expect((await ask(support.text, 'POST', grants, small)).status).toBe(201)
    expect((await ask(support.text, 'POST', grants, paid)).status).toBe(403)
    expect((await ask(admin.text, 'POST', grants, paid)).status).toBe(201)
    const revoked = await ask(support.text, 'DELETE', `/admin/api-keys/${keyId}`)
    expect(revoked.status).toBe(200)
    const { body: seen } = await ask('owner-of-operator-keys', 'GET', `/api-keys/${keyId}/events`)
    expect(seen.events.at(-1)).toMatchObject({ type: 'KeyRevoked', actor: 'operator' })
    const events = await ledger.sql<{ actor: string }[]>`
      select actor from events where type = 'CreditsGranted' and actor <> 'ledger' order by position`
    expect(events.map(({ actor }) => actor)).toEqual([
      `operator-key:${support.id}`,
      `operator-key:${admin.id}`,
    ])
  })

  test('is no operator key: not to issue, rotate or revoke one, itself neither', async () => {
    const { text, id } = await issue({ role: 'admin' })
    const size = await ledger.size()
    const json = { name: 'Mine', role: 'auditor', expiresAt: inDays(1) }
    for (const [method, target, asked] of [
      ['POST', path, { json }],
      ['POST', `${path}/${id}/rotate`, {}],
      ['DELETE', `${path}/${id}`, {}],
    ] as const) {
      const { status, body } = await ask(text, method, target, asked)
      expect([status, body.code]).toEqual([403, 'forbidden'])
    }
    expect(await ledger.size()).toBe(size)
    expect((await ask(text, 'GET', path)).status).toBe(200)
  })

  test('is nothing that owners do, for it owns nothing', async () => {
    const { text } = await issue({ role: 'admin' })
    for (const target of ['/account', '/api-keys']) {
      expect((await ask(text, 'GET', target)).status).toBe(403)
    }
  })
})

describe('a change of an operator key', () => {
  test('is made once under its Idempotency-Key, and the text is shown that once', async () => {
    const headers = { 'idempotency-key': 'export-2030' }
    const json = { name: 'Once', role: 'auditor', expiresAt: inDays(9) }
    const first = await ask('admin', 'POST', path, { json, headers })
    expect(first.status).toBe(201)
    const again = await ask('admin', 'POST', path, { json, headers })
    expect([again.status, again.body.detail]).toEqual([409, expect.stringContaining('was shown')])
    const other = await ask('admin', 'POST', path, { json: { ...json, name: 'Other' }, headers })
    expect(other.status).toBe(409)
    const { body } = await ask('admin', 'GET', path)
    expect(body.operatorKeys.filter(({ name }: Json) => name === 'Once')).toHaveLength(1)
  })

  test('is refused where it is of another version than the one that was read', async () => {
    const { text, id } = await issue()
    const stale = { headers: { 'if-match': '"7"' } }
    expect((await ask('admin', 'POST', `${path}/${id}/rotate`, stale)).status).toBe(412)
    expect((await ask('admin', 'DELETE', `${path}/${id}`, stale)).status).toBe(412)
    expect(await use(text)).toBe(200)
    const { version } = await listed(id)
    const seen = { headers: { 'if-match': `"${version}"` } }
    expect((await ask('admin', 'DELETE', `${path}/${id}`, seen)).status).toBe(200)
  })

  test('of one that is not there is 404', async () => {
    expect((await ask('admin', 'POST', `${path}/opk_none/rotate`)).status).toBe(404)
    expect((await ask('admin', 'DELETE', `${path}/opk_none`)).status).toBe(404)
  })
})

test('two who rotate one at once each get a secret, of which the last one works', async () => {
  const { id } = await issue()
  const rotated = await Promise.all([1, 2].map(() => ask('admin', 'POST', `${path}/${id}/rotate`)))
  expect(rotated.map(({ status }) => status)).toEqual([200, 200])
  const uses = await Promise.all(rotated.map(({ body }) => use(body.key)))
  expect(uses.sort()).toEqual([200, 401])
  expect((await listed(id)).version).toBe(3)
})

test('no text of an operator key is stored', async () => {
  const { text } = await issue()
  const tables = await ledger.owner<{ name: string }[]>`
    select c.oid::regclass::text as name from pg_class c
    where c.relnamespace = 'tollbook'::regnamespace and c.relkind in ('r', 'p')`
  for (const { name } of tables) {
    const [found] = await ledger.owner.unsafe(
      `select 1 from ${name} t where strpos(t::text, $1) > 0 limit 1`,
      [text.slice('sk_op_'.length)],
    )
    expect([name, found]).toEqual([name, undefined])
  }
})

test('verify finds each command beside the events that it became', async () => {
  expect(await checkCommands(ledger.sql, 0, await ledger.size())).toEqual([])
})
