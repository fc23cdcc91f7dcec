import { describe, expect, test } from 'bun:test'
import { type Tariff, tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { parseKey } from '../../src/gate/authenticate/key-format.ts'
import {
  type ManagementCommands,
  openManagementCommands,
} from '../../src/ledger/commands/management-commands.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { type Random, secureRandom } from '../../src/lib/base62.ts'
import { accountIdOf, type Owner } from '../../src/lib/ids.ts'
import { isRefused, type Refused } from '../../src/management/decision.ts'
import { openManagement } from '../../src/management/management.ts'
import { shippedConfig } from '../support/management-test-app.ts'
import { createDatabase } from '../support/postgres.ts'
import { type Ledger, openLedger, prefixes } from '../support/test-ledger.ts'

const config = shippedConfig
const actor = { id: 'user:test' }
const request = { name: 'A key', mode: 'live' } as const

function managementOn(
  { sql, commands }: { sql: Sql; commands: ManagementCommands },
  random: Random = secureRandom,
  configured = config,
) {
  return openManagement({ sql, commands, config: configured, prefixes, random })
}

/** A management of its own, as another gateway has it: with its own connections. */
function anotherOn(ledger: Ledger) {
  const sql = connect({ url: ledger.url, as: 'management', max: 2 })
  return {
    sql,
    management: managementOn({ sql, commands: openManagementCommands(sql, 'another') }),
  }
}

function ok<T extends object>(result: T | Refused): T {
  if (isRefused(result)) throw new Error(`refused: ${result.refused}`)
  return result
}

const user = (id: string): Owner => ({ kind: 'user', id })

async function withLedger(work: (ledger: Ledger) => Promise<void>, shards = 1): Promise<void> {
  const ledger = await openLedger({ tariff: tariffOf(config), shards })
  try {
    await work(ledger)
  } finally {
    await ledger.close()
  }
}

async function count(sql: Sql, type: string): Promise<number> {
  const [row] = await sql<[{ count: number }]>`select count(*) from events where type = ${type}`
  return row.count
}

describe('several gateways at once', () => {
  test('two first keys of one owner, issued at the same instant, open one account', () =>
    withLedger(async (ledger) => {
      const one = managementOn(ledger)
      const other = anotherOn(ledger)
      const owners = Array.from({ length: 10 }, (_, i) => user(`user-${i}`))
      const issued = await Promise.all(
        owners.flatMap((owner) =>
          [one, other.management].map((management) => management.issueKey(owner, request, actor)),
        ),
      )
      await other.sql.end()
      expect(issued.filter(isRefused)).toEqual([])
      expect(await count(ledger.sql, 'AccountOpened')).toBe(owners.length)
      expect(await count(ledger.sql, 'KeyIssued')).toBe(2 * owners.length)
      for (const owner of owners) {
        // Both names can be read: both were sealed under the account's one secret.
        const keys = await one.listKeys(owner)
        expect(keys.map((key) => key.name)).toEqual(['A key', 'A key'])
        expect(new Set(keys.map((key) => key.accountId))).toEqual(new Set([accountIdOf(owner)]))
      }
    }))

  test('simultaneous changes of one key all last, each decided on the state that the others left', () =>
    withLedger(async (ledger) => {
      const one = managementOn(ledger)
      const other = anotherOn(ledger)
      const owner = user('u')
      const { view } = ok(await one.issueKey(owner, request, actor))
      const changes = [
        ...[{ name: 'New' }, { description: 'Text' }, { allowedIps: ['::1'] }],
        ...[{ rateLimit: 5 }, { monthlyCap: 50 }, { enabled: false }],
      ]
      const results = await Promise.all(
        changes.map((change, i) =>
          (i % 2 ? one : other.management).updateKey(owner, view.keyId, change, actor),
        ),
      )
      await other.sql.end()
      expect(results.filter(isRefused)).toEqual([])
      expect(await one.readKey(owner, view.keyId)).toMatchObject({
        ...{ name: 'New', description: 'Text', allowedIps: ['::1'], rateLimit: 5 },
        ...{ monthlyCap: 50, enabled: false, version: 1 + changes.length },
      })
    }))

  test('a simultaneous revocation and rotation end in a revoked key', () =>
    withLedger(async (ledger) => {
      const management = managementOn(ledger)
      const owner = user('u')
      for (let i = 0; i < 10; i++) {
        const { view } = ok(await management.issueKey(owner, request, actor))
        const [rotated] = await Promise.all([
          management.rotateKey(owner, view.keyId, 60, actor),
          management.revokeKey(owner, view.keyId, actor),
        ])
        if (isRefused(rotated)) expect(rotated.refused).toBe('key_revoked')
        expect((await management.readKey(owner, view.keyId))?.revokedAt).toBeString()
      }
    }))
})

describe('a key', () => {
  test('is issued once though the connection died after it was recorded', () =>
    withLedger(async (ledger) => {
      let calls = 0
      const record: ManagementCommands['record'] = async (shard, command) => {
        const result = await ledger.commands.record(shard, command)
        if (calls++ > 0) return result
        throw Object.assign(new Error('write CONNECTION_CLOSED'), { code: 'CONNECTION_CLOSED' })
      }
      const { sql, commands } = ledger
      const management = managementOn({ sql, commands: { ...commands, record } })
      const { view } = ok(await management.issueKey(user('u'), request, actor))
      expect(calls).toBe(2)
      expect(await management.listKeys(user('u'))).toMatchObject([{ keyId: view.keyId }])
      expect(await count(sql, 'KeyIssued')).toBe(1)
    }))

  test('whose secret exists already is given another one', () =>
    withLedger(async (ledger) => {
      let draws = 0
      const random: Random = (bytes) => new Uint8Array(bytes).fill(draws++ < 2 ? 1 : 2)
      const management = managementOn(ledger, random)
      const first = ok(await management.issueKey(user('u'), request, actor))
      const second = ok(await management.issueKey(user('u'), request, actor))
      expect(first.key).not.toBe(second.key)
      expect(draws).toBe(3)
    }))

  test('says in its text which shard its account lives in', () =>
    withLedger(async (ledger) => {
      const management = managementOn(ledger)
      const shards = new Set<number>()
      for (let i = 0; i < 12; i++) {
        const owner = user(`user-${i}`)
        const { key, view } = ok(await management.issueKey(owner, request, actor))
        const [row] = await ledger.sql<[{ shard: number }]>`
          select shard from key_state where key_id = ${view.keyId}`
        expect(parseKey(key, prefixes, false)?.shard).toBe(row.shard)
        shards.add(row.shard)
        const again = ok(await management.issueKey(owner, request, actor))
        expect(parseKey(again.key, prefixes, false)?.shard).toBe(row.shard)
      }
      expect(shards.size).toBe(3)
    }, 3))

  test('of an erased account shows nothing personal, and can be revoked and nothing else', () =>
    withLedger(async (ledger) => {
      const management = managementOn(ledger)
      const owner = user('u')
      const { view } = ok(await management.issueKey(owner, { ...request, name: 'Jane' }, actor))
      const { accountId, keyId } = view
      await ledger.commands.record(0, {
        ...{ id: 'erase', actor: 'test' },
        expected: [{ stream: 'account', id: accountId, version: 2 }],
        events: [{ type: 'AccountErased', accountId, payload: {} }],
      })
      expect(await management.readKey(owner, keyId)).toMatchObject({ name: '', allowedIps: [] })
      const refused = { refused: 'account_erased' }
      const renamed = management.updateKey(owner, keyId, { name: 'Jane again' }, actor)
      expect(await renamed).toMatchObject(refused)
      expect(await management.issueKey(owner, request, actor)).toMatchObject(refused)
      const unfrozen = management.changeAccount(accountId, { frozen: false }, actor)
      expect(await unfrozen).toMatchObject(refused)
      const why = { ...actor, reason: 'Account erased' }
      expect(ok(await management.revokeKey(owner, keyId, why)).revokedAt).toBeString()
    }))
})

test('two resets that read the same use give it once, each under a name of its own', () =>
  withLedger(async (ledger) => {
    const key = await ledger.key(await ledger.account({ plan: 'pro' }))
    const { hold } = await ledger.hold(key, 100)
    await ledger.settle(hold, 100)
    const both = Promise.withResolvers<void>()
    let waiting = 0
    const commands: ManagementCommands = {
      ...ledger.commands,
      async grant(shard, command) {
        waiting++
        if (waiting === 2) both.resolve()
        await both.promise
        return ledger.commands.grant(shard, command)
      },
    }
    const management = managementOn({ sql: ledger.sql, commands })
    await Promise.all(
      ['one', 'other'].map(async (id) => {
        const once = { id, request: id }
        ok(await management.resetCredits(key.accountId, 'live', { ...actor, once }))
      }),
    )
    const granted = await ledger.sql<{ credits: number }[]>`
      select credits from events where type = 'CreditsGranted' and payload ->> 'kind' = 'promotional'`
    expect(granted.map(({ credits }) => credits)).toEqual([100])
  }))

describe('the first tariff', () => {
  test('is taken once from the configuration, however many gateways start at once', async () => {
    const { url, drop } = await createDatabase()
    await migrate({ url, shards: 2 })
    const starts = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const sql = connect({ url, as: 'management', max: 1 })
        const managed = await managementOn({
          sql,
          commands: openManagementCommands(sql, 'starting'),
        }).ensureTariff()
        await sql.end()
        return managed
      }),
    )
    const configured = tariffHash(tariffOf(config))
    for (const start of starts) {
      expect(start).toMatchObject({ inForce: configured, configured, differs: false })
    }
    const sql = connect({ url, as: 'reader', max: 1 })
    expect(await count(sql, 'TariffPublished')).toBe(2)
    await sql.end()
    await drop()
  })

  test('stays when a gateway starts with another file, which learns that it differs', () =>
    withLedger(async (ledger) => {
      const plans = { ...config.plans, gold: { ...config.plans.pro, credits: 7_000 } }
      const management = managementOn(ledger, secureRandom, { ...config, plans } as typeof config)
      const tariff = await management.ensureTariff()
      expect(tariff).toMatchObject({ inForce: tariffHash(tariffOf(config)), differs: true })
      expect(await count(ledger.sql, 'TariffPublished')).toBe(1)
    }))
})

describe('publishing a tariff', () => {
  const { plans, ...others } = tariffOf(config)
  const gold = { plans: { ...plans, gold: { ...plans.pro, credits: 7_000 } }, ...others }
  const tariff = gold as ReturnType<typeof tariffOf>

  test('puts it in force in every shard, and accounts can be given its plans', () =>
    withLedger(async (ledger) => {
      const management = managementOn(ledger)
      const { accountId } = ok(await management.issueKey(user('u'), request, actor)).view
      const change = { plan: 'gold' }
      expect(await management.changeAccount(accountId, change, actor)).toMatchObject({
        refused: 'plan_unknown',
      })
      const published = ok(await management.publishTariff(tariff, { notice: 'Gold!' }, actor))
      expect(published).toMatchObject({ hash: tariffHash(tariff), from: ledger.now.toISOString() })
      expect(published.positions.map((position) => position.split('-')[0])).toEqual(['0', '1'])
      const changed = ok(await management.changeAccount(accountId, change, actor))
      expect(changed).toMatchObject({ plan: 'gold', monthlyCredits: 7_000 })
      const { inForce, differs } = await management.ensureTariff()
      expect({ inForce, differs }).toEqual({ inForce: published.hash, differs: true })
    }, 2))

  test('for a future time changes nothing before', () =>
    withLedger(async (ledger) => {
      const management = managementOn(ledger)
      const from = '2030-07-01T00:00:00.000Z'
      expect(ok(await management.publishTariff(tariff, { from }, actor)).from).toBe(from)
      expect((await management.ensureTariff()).differs).toBe(false)
      // To a gateway with the file that is announced there is nothing to be done.
      const plans = { ...config.plans, gold: { ...config.plans.pro, credits: 7_000 } }
      const next = managementOn(ledger, secureRandom, { ...config, plans } as typeof config)
      const announced = { differs: true, announcedFrom: from }
      expect(await next.ensureTariff()).toMatchObject(announced)
      await ledger.travelTo(from)
      expect((await next.ensureTariff()).announcedFrom).toBeUndefined()
      expect((await management.ensureTariff()).inForce).toBe(tariffHash(tariff))
    }))

  test('is refused for a time that has passed, and a second time for the same', () =>
    withLedger(async (ledger) => {
      const management = managementOn(ledger)
      const past = { from: '2030-06-15T11:59:59Z' }
      const refused = await management.publishTariff(tariff, past, actor)
      expect(refused).toMatchObject({ refused: 'time_passed', field: 'from' })
      const from = '2030-07-01T00:00:00Z'
      const first = ok(await management.publishTariff(tariff, { from }, actor))
      expect(ok(await management.publishTariff(tariff, { from }, actor))).toEqual(first)
      const other = await management.publishTariff(tariff, { from, notice: 'Again' }, actor)
      expect(other).toMatchObject({ refused: 'already_published' })
      expect(await count(ledger.sql, 'TariffPublished')).toBe(2)
    }))

  test('is done again for a time for which another one was published since', () =>
    withLedger(async (ledger) => {
      const management = managementOn(ledger)
      const from = '2030-07-01T00:00:00.000Z'
      const first = ok(await management.publishTariff(tariff, { from }, actor))
      ok(await management.publishTariff(tariffOf(config), { from }, actor))
      const again = ok(await management.publishTariff(tariff, { from }, actor))
      expect(again.positions).not.toEqual(first.positions)
      expect(ok(await management.publishTariff(tariff, { from }, actor))).toEqual(again)
      await ledger.travelTo(from)
      expect((await management.ensureTariff()).inForce).toBe(tariffHash(tariff))
    }, 2))

  test('under an Idempotency-Key that failed half way is finished, and replaces nothing newer', () =>
    withLedger(async (ledger) => {
      let isReachable = false
      const commands: ManagementCommands = {
        ...ledger.commands,
        async record(shard, command) {
          if (shard === 1 && !isReachable) throw new Error('unreachable')
          return ledger.commands.record(shard, command)
        },
      }
      const management = managementOn({ sql: ledger.sql, commands })
      const keyed = { ...actor, once: { id: 'once', request: 'publish' } }
      await expect(management.publishTariff(tariff, {}, keyed)).rejects.toThrow('unreachable')
      const began = ledger.now.toISOString()
      await ledger.travelTo('2030-06-15T13:00:00Z')
      isReachable = true
      const { from, positions } = ok(await management.publishTariff(tariff, {}, keyed))
      expect(from).toBe(began)
      expect(positions.map((position) => position.split('-')[0])).toEqual(['0', '1'])

      const announced = '2030-07-01T00:00:00.000Z'
      const plain = tariffOf(config)
      const other = { ...actor, once: { id: 'other', request: 'announce' } }
      isReachable = false
      const half = management.publishTariff(plain, { from: announced, mayDrop: true }, other)
      await expect(half).rejects.toThrow('unreachable')
      isReachable = true
      ok(await management.publishTariff(tariff, { from: announced }, actor))
      ok(await management.publishTariff(plain, { from: announced, mayDrop: true }, other))
      await ledger.travelTo(announced)
      expect((await management.ensureTariff()).inForce).toBe(tariffHash(tariff))
      const hashes = await ledger.sql<{ hash: string }[]>`
        select in_force as hash from shard_tariffs_v1()`
      expect(hashes.map(({ hash }) => hash)).toEqual([tariffHash(tariff), tariffHash(tariff)])
    }, 2))
})

test('a clock that is set back between reading and recording costs nobody his trial', async () => {
  const tariff = tariffOf(config)
  const free = { ...tariff.plans.free, trial: { credits: 3, days: 14 } } as Tariff['plans'][string]
  const ledger = await openLedger({ tariff: { ...tariff, plans: { ...tariff.plans, free } } })
  let isSetBack = false
  /** The clock stood wrong, an hour ahead, while the first command was prepared. */
  const commands: ManagementCommands = {
    ...ledger.commands,
    async record(shard, command) {
      if (!isSetBack) await ledger.travelTo('2030-06-15T12:00:00Z')
      isSetBack = true
      return ledger.commands.record(shard, command)
    },
  }
  await ledger.travelTo('2030-06-15T13:00:00Z')
  const management = managementOn({ sql: ledger.sql, commands })
  ok(await management.issueKey(user('u'), request, actor))
  const trials =
    await ledger.sql`select mode, granted, starts_at from lots where kind = 'trial' order by mode`
  const startsAt = new Date('2030-06-15T12:00:00Z')
  expect(trials.map((row) => ({ ...row }))).toEqual([
    { mode: 'live', granted: 3, starts_at: startsAt },
    { mode: 'test', granted: 3, starts_at: startsAt },
  ] as never)
  await ledger.close()
})
