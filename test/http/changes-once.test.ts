/** A change under an Idempotency-Key is made once, whatever came between; and one with If-Match only of what was seen. */
import { afterAll, describe, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { canonicalJson } from '../../events/canonical-json.ts'
import { type Tariff, tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { accountIdOf } from '../../src/lib/ids.ts'
import { checkCommands } from '../../src/projector/verify/tables/check-commands.ts'
import { type Json, openTestApp, token } from '../support/management-test-app.ts'

const app = await openTestApp()
afterAll(() => app[Symbol.asyncDispose]())
const { ledger } = app

interface Asked {
  readonly json?: object
  readonly key?: string
  readonly version?: number
}

async function ask(who: string, method: string, path: string, { json, key, version }: Asked) {
  const response = await app.handle(
    new Request(`http://localhost${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await token(who)}`,
        ...(json && { 'content-type': 'application/json' }),
        ...(key !== undefined && { 'idempotency-key': key }),
        ...(version !== undefined && { 'if-match': `"${version}"` }),
      },
      ...(json && { body: JSON.stringify(json) }),
    }),
  )
  return { status: response.status, body: (await response.json()) as Json }
}

let users = 0
/** A user with an account and a key. */
async function newOwner() {
  const who = `owner-${++users}`
  const { id } = await app.issue(who)
  const accountId = accountIdOf({ kind: 'user', id: who })
  return { who, accountId, keyPath: `/api-keys/${id}`, accountPath: `/admin/accounts/${accountId}` }
}

/** What resets have granted to an account. */
async function resetOf(accountId: string): Promise<number> {
  const [row] = await ledger.sql<[{ credits: number }]>`
    select coalesce(sum(credits), 0)::integer as credits from events
    where account_id = ${accountId} and type = 'CreditsGranted' and payload ->> 'kind' = 'promotional'`
  return row.credits
}

const eventsOf = async (accountId: string, type: string) =>
  (
    await ledger.sql<{ position: number }[]>`
      select position from events where account_id = ${accountId} and type = ${type}`
  ).length

describe('the same request again', () => {
  test('changes nothing, whatever somebody else has done since', async () => {
    const { accountId, accountPath } = await newOwner()
    const freeze = { json: { frozen: true }, key: 'freeze-1' }
    expect((await ask('admin', 'PATCH', accountPath, freeze)).status).toBe(200)
    await ask('admin', 'PATCH', accountPath, { json: { frozen: false } })
    const again = await ask('admin', 'PATCH', accountPath, freeze)
    expect([again.status, again.body.account.frozen]).toEqual([200, false])
    expect(await eventsOf(accountId, 'AccountFrozen')).toBe(1)
  })

  test('changes nothing either where it changed nothing at first', async () => {
    const { accountPath } = await newOwner()
    const unfreeze = { json: { frozen: false }, key: 'unfreeze-1' }
    expect((await ask('admin', 'PATCH', accountPath, unfreeze)).status).toBe(200)
    await ask('admin', 'PATCH', accountPath, { json: { frozen: true } })
    expect((await ask('admin', 'PATCH', accountPath, unfreeze)).body.account.frozen).toBe(true)
  })

  test('is no conflict with the version that it has made', async () => {
    const { who, keyPath } = await newOwner()
    const { version } = (await ask(who, 'GET', keyPath, {})).body.apiKey
    const rename = { json: { name: 'Renamed' }, key: 'rename-1', version }
    const first = await ask(who, 'PATCH', keyPath, rename)
    expect(first.status).toBe(200)
    expect(await ask(who, 'PATCH', keyPath, rename)).toEqual(first)
    expect((await ask(who, 'PATCH', keyPath, { ...rename, key: 'rename-2' })).status).toBe(412)
  })

  test('of a new key, or of a new secret, makes no second one, which nobody could be shown', async () => {
    const { who, accountId, keyPath } = await newOwner()
    const issue = { json: { name: 'Once' }, key: 'issue-1' }
    expect((await ask(who, 'POST', '/api-keys', issue)).status).toBe(201)
    const again = await ask(who, 'POST', '/api-keys', issue)
    expect([again.status, again.body.code]).toEqual([409, 'conflict'])
    expect(again.body.detail).toContain('the key was shown then')
    expect(await eventsOf(accountId, 'KeyIssued')).toBe(2)

    const rotate = { json: { graceSeconds: 60 }, key: 'rotate-1' }
    expect((await ask(who, 'POST', `${keyPath}/regenerate`, rotate)).status).toBe(200)
    expect((await ask(who, 'POST', `${keyPath}/regenerate`, rotate)).status).toBe(409)
    expect(await eventsOf(accountId, 'KeyRotated')).toBe(1)
  })

  test('opens no account twice', async () => {
    const who = `owner-${++users}`
    const issue = { json: { name: 'First' }, key: 'issue-1' }
    const statuses = await Promise.all(
      Array.from({ length: 5 }, async () => (await ask(who, 'POST', '/api-keys', issue)).status),
    )
    expect(statuses.sort()).toEqual([201, 409, 409, 409, 409])
    expect(await eventsOf(accountIdOf({ kind: 'user', id: who }), 'KeyIssued')).toBe(1)
  })

  test('at the same time is one change, with the same response', async () => {
    const { who, accountId } = await newOwner()
    const budgets = [{ credits: 5, per: 'day', timeZone: 'UTC' }]
    const responses = await Promise.all(
      Array.from({ length: 5 }, () =>
        ask(who, 'PATCH', '/account', { json: { budgets }, key: 'budget-1' }),
      ),
    )
    for (const response of responses) expect(response).toEqual(responses[0] as never)
    expect(responses[0]?.status).toBe(200)
    expect(await eventsOf(accountId, 'AccountBudgetsChanged')).toBe(1)
  })

  test('is the same where the version before has done it, which hashed it without the key', async () => {
    const { accountId, accountPath } = await newOwner()
    const freeze = { json: { frozen: true }, key: 'freeze-of-before' }
    expect((await ask('admin', 'PATCH', accountPath, freeze)).status).toBe(200)
    const asked = canonicalJson(['PATCH', accountPath, freeze.json])
    const former = createHash('sha256').update(asked).digest('hex')
    const kept = await ledger.owner`
      update management_commands c set result = jsonb_set(c.result, '{request}', to_jsonb(${former}::text))
      from events e
      where e.account_id = ${accountId} and e.type = 'AccountFrozen'
        and c.shard = e.shard and c.result -> 'positions' -> 0 = to_jsonb(e.position)
      returning c.command_id`
    expect(kept).toHaveLength(1)
    await ask('admin', 'PATCH', accountPath, { json: { frozen: false } })
    const again = await ask('admin', 'PATCH', accountPath, freeze)
    expect([again.status, again.body.account?.frozen]).toEqual([200, false])
    const other = { ...freeze, json: { frozen: false } }
    expect((await ask('admin', 'PATCH', accountPath, other)).status).toBe(409)
    expect(await eventsOf(accountId, 'AccountFrozen')).toBe(1)
  })

  test('resets no credits twice', async () => {
    const { accountId, keyPath } = await newOwner()
    const keyId = keyPath.split('/').at(-1) as string
    const reset = { json: { resetCredits: true }, key: 'reset-1' }
    await app.charge(keyId, 10)
    expect((await ask('admin', 'PATCH', `/admin${keyPath}`, reset)).status).toBe(200)
    await app.charge(keyId, 7)
    expect((await ask('admin', 'PATCH', `/admin${keyPath}`, reset)).status).toBe(200)
    expect(await resetOf(accountId)).toBe(10)
  })

  test('resets nothing later either where there was nothing to reset', async () => {
    const { accountId, keyPath } = await newOwner()
    const reset = { json: { resetCredits: true }, key: 'reset-of-nothing' }
    expect((await ask('admin', 'PATCH', `/admin${keyPath}`, reset)).status).toBe(200)
    await app.charge(keyPath.split('/').at(-1) as string, 7)
    expect((await ask('admin', 'PATCH', `/admin${keyPath}`, reset)).status).toBe(200)
    expect(await resetOf(accountId)).toBe(0)
  })

  test('of a revocation is served, by owners and operators', async () => {
    for (const [who, prefix] of [
      ['owner', ''],
      ['admin', '/admin'],
    ] as const) {
      const owner = await newOwner()
      const asWhom = who === 'owner' ? owner.who : who
      const revoke = { key: 'revoke-1' }
      for (const _ of [1, 2]) {
        const { status } = await ask(asWhom, 'DELETE', prefix + owner.keyPath, revoke)
        expect(status).toBe(200)
      }
      expect(await eventsOf(owner.accountId, 'KeyRevoked')).toBe(1)
    }
  })
})

describe('prices that are published under an Idempotency-Key', () => {
  const served = tariffOf(app.config)
  const costing = (credits: number) =>
    ({ ...served, prices: { ...served.prices, search: { per: 'request', credits } } }) as Tariff
  const publish = (tariff: Tariff, key: string, more = {}) =>
    ask('admin', 'POST', '/admin/prices', { json: { tariff, ...more }, key })
  const inForce = async () =>
    (await ask('admin', 'GET', '/admin/prices/diff', {})).body.diff.inForce

  test('at once are published once, whatever others have published since', async () => {
    const first = await publish(costing(21), 'publish-1')
    expect(first.status).toBe(201)
    await ledger.travelTo('2030-06-15T12:30:00Z')
    expect((await publish(costing(22), 'publish-2')).status).toBe(201)
    expect(await publish(costing(21), 'publish-1')).toEqual(first)
    expect(await inForce()).toBe(tariffHash(costing(22)))
    expect((await publish(costing(23), 'publish-1')).status).toBe(409)
  })

  test('are remembered also where they were in force already', async () => {
    const first = await publish(costing(22), 'publish-3')
    expect(first.body.published.positions).toEqual([])
    await ledger.travelTo('2030-06-15T12:40:00Z')
    expect((await publish(costing(24), 'publish-4')).status).toBe(201)
    expect(await publish(costing(22), 'publish-3')).toEqual(first)
    expect(await inForce()).toBe(tariffHash(costing(24)))
  })

  test('for a time are published once, at the same time too', async () => {
    const from = '2030-09-01T00:00:00Z'
    const responses = await Promise.all(
      Array.from({ length: 4 }, () => publish(costing(25), 'publish-5', { from })),
    )
    for (const response of responses) expect(response).toEqual(responses[0] as never)
    expect(responses[0]?.body.published.positions).toHaveLength(1)
    const again = await publish(costing(25), 'publish-6', { from })
    expect(again).toEqual(responses[0] as never)
  })
})

describe('the same Idempotency-Key', () => {
  test('with another request is refused, and nothing is changed', async () => {
    const { who, accountId, keyPath } = await newOwner()
    const rename = { json: { name: 'One' }, key: 'same' }
    expect((await ask(who, 'PATCH', keyPath, rename)).status).toBe(200)
    const other = [
      await ask(who, 'PATCH', keyPath, { ...rename, json: { name: 'Two' } }),
      await ask(who, 'POST', '/api-keys', rename),
      await ask(who, 'DELETE', keyPath, { key: 'same' }),
    ]
    for (const { status, body } of other) {
      expect([status, body.code]).toEqual([409, 'conflict'])
      expect(body.detail).toBe('The Idempotency-Key was used for another request.')
    }
    expect(await eventsOf(accountId, 'KeyUpdated')).toBe(1)
  })

  test('of somebody else is another one', async () => {
    const [one, two] = [await newOwner(), await newOwner()]
    for (const { who, keyPath } of [one, two]) {
      const renamed = await ask(who, 'PATCH', keyPath, { json: { name: 'Mine' }, key: 'shared' })
      expect([renamed.status, renamed.body.apiKey.name]).toEqual([200, 'Mine'])
    }
  })

  test('is not used up by a request that is refused', async () => {
    const { who, keyPath } = await newOwner()
    const refused = await ask(who, 'PATCH', keyPath, { json: { rateLimit: 10 ** 6 }, key: 'try' })
    expect(refused.status).toBe(400)
    expect((await ask(who, 'PATCH', keyPath, { json: { rateLimit: 1 }, key: 'try' })).status).toBe(
      200,
    )
  })
})

test('what is changed of another version than the one that was read is refused', async () => {
  const { who, accountId, keyPath } = await newOwner()
  const stale = { version: 7 }
  const statuses = [
    await ask(who, 'PATCH', keyPath, { ...stale, json: { name: 'Late' } }),
    await ask(who, 'DELETE', keyPath, stale),
    await ask(who, 'POST', `${keyPath}/regenerate`, stale),
    await ask(who, 'PATCH', '/account', { ...stale, json: { budgets: [] } }),
    await ask('admin', 'PATCH', `/admin${keyPath}`, { ...stale, json: { active: false } }),
    await ask('admin', 'DELETE', `/admin${keyPath}`, stale),
  ].map(({ status, body }) => [status, body.code])
  expect(statuses).toEqual(statuses.map(() => [412, 'precondition_failed']))
  for (const type of ['KeyUpdated', 'KeyRevoked', 'KeyRotated', 'KeyDisabled']) {
    expect(await eventsOf(accountId, type)).toBe(0)
  }
  const { version } = (await ask(who, 'GET', keyPath, {})).body.apiKey
  expect((await ask(who, 'DELETE', keyPath, { version })).status).toBe(200)
})

test('verify finds each command beside the events that it became', async () => {
  const [{ position }] = await ledger.sql<[{ position: number }]>`select position from heads`
  expect(await checkCommands(ledger.sql, 0, position)).toEqual([])
})

test('verify names a command that became nothing, but for a request that changed nothing', async () => {
  const ids = ['external:user_x:order-1', 'revoke:key_x', 'tariff:0:2030-01-01T00:00:00.000Z']
  for (const id of ids) {
    await ledger.commands.record(0, { id, actor: 'test', expected: [], events: [] })
  }
  const [{ position }] = await ledger.sql<[{ position: number }]>`select position from heads`
  expect(await checkCommands(ledger.sql, 0, position)).toEqual(
    ids.map((id) => ({ position: null, fault: `it became nothing: command ${id}` })),
  )
})
