/** A ledger for a bench: migrated, priced, with as many accounts and keys as asked for. */

import type { Config } from '../../src/config/config.ts'
import { defaults } from '../../src/config/defaults.ts'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { mintKey } from '../../src/gate/authenticate/key-format.ts'
import {
  type ManagementCommands,
  openManagementCommands,
} from '../../src/ledger/commands/management-commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { newSecret, seal } from '../../src/ledger/private-fields.ts'
import { secureRandom } from '../../src/lib/base62.ts'
import { accountIdOf } from '../../src/lib/ids.ts'
import { chatConfig } from '../../test/support/chat.ts'
import { testConfig } from '../../test/support/test-config.ts'

export interface BenchKey {
  readonly key: string
  readonly keyId: string
  readonly accountId: string
}

export interface BenchLedger {
  readonly url: string
  readonly tariff: string
  readonly keys: readonly BenchKey[]
}

/** Plans that refuse nothing, that have little, that refuse every call for its price, and every call but an hour's first. */
export type BenchPlan = 'bench' | 'small' | 'broke' | 'slow'

/**
 * The shipped configuration, its limits of owners and of leases included, with such plans, its route for streams that are sold by the token, and two routes
 * for large bodies.
 */
export function benchConfig(): Config {
  const wide = {
    rateLimit: 1_000_000,
    windowMs: 1_000,
    credits: 1_000_000_000,
    maxInFlight: 100_000,
    endpoints: 'all',
    fee: { minorUnits: 0, currency: 'EUR' },
  }
  const large = (name: string) => ({
    ...{ method: 'POST', path: `/v1/${name}`, summary: name, service: 'search' },
    ...{ upstreamPath: `/${name}`, price: { per: 'request', credits: 1 } },
    request: {
      json: {
        ...{ type: 'object', additionalProperties: false, required: ['documents'] },
        properties: { documents: { type: 'array', items: { type: 'string' } } },
      },
    },
  })
  const { services, routes } = chatConfig()
  const { maxOwnerRequestsPerMinute, maxOwnerChangesPerMinute, leaseIdleSeconds } = defaults.limits
  return testConfig({
    limits: { maxOwnerRequestsPerMinute, maxOwnerChangesPerMinute, leaseIdleSeconds },
    services,
    plans: {
      ...{ free: null, bench: wide, pro: wide, enterprise: wide },
      small: { ...wide, credits: 100, maxInFlight: 10 },
      broke: { ...wide, credits: 0 },
      slow: { ...wide, rateLimit: 1, windowMs: 3_600_000 },
    },
    defaultPlan: 'bench',
    routes: {
      ...routes,
      'large-response': large('large-response'),
      'large-request': large('large-request'),
    },
  })
}

/** A fresh database `name`, migrated, on the server at `serverUrl`; returns its URL. */
export async function freshDatabase(serverUrl: string, name: string): Promise<string> {
  const url = await createDatabase(serverUrl, name)
  await migrate({ url })
  return url
}

/** A copy of a ledger that nobody is connected to, in a database `name` of its own. */
export async function copyOf(
  serverUrl: string,
  ledger: BenchLedger,
  name: string,
): Promise<BenchLedger> {
  const original = new URL(ledger.url).pathname.slice(1)
  return { ...ledger, url: await createDatabase(serverUrl, name, `template ${original}`) }
}

async function createDatabase(serverUrl: string, name: string, like = ''): Promise<string> {
  const server = connect({ url: serverUrl, as: 'owner', max: 1 })
  await server.unsafe(`drop database if exists ${name} with (force)`)
  await server.unsafe(`create database ${name} ${like}`)
  await server.end()
  return Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
}

/** Puts the bench's prices and plans in force; returns the tariff's hash. @param id of the command */
export async function publishTariff(
  commands: ManagementCommands,
  from = '2020-01-01T00:00:00.000Z',
  id = 'tariff',
): Promise<string> {
  const tariff = tariffOf(benchConfig())
  const hash = tariffHash(tariff)
  const payload = { hash, from, ...tariff }
  await commands.record(0, {
    id,
    actor: 'bench',
    expected: [],
    events: [{ type: 'TariffPublished', payload }],
  })
  return hash
}

/** Fills a fresh database `name` on the server at `serverUrl`. */
export async function fillLedger(
  serverUrl: string,
  name: string,
  accounts: number,
): Promise<BenchLedger> {
  return fillAccounts(await freshDatabase(serverUrl, name), accounts)
}

/** Opens accounts with a key each in a ledger that is there, and puts the bench's prices in force. */
export async function fillAccounts(
  url: string,
  accounts: number,
  from?: string,
): Promise<BenchLedger> {
  const sql = connect({ url, as: 'owner', max: 1 })
  const tariff = await publishTariff(openManagementCommands(sql, 'bench'), from)
  await sql.end()
  return { url, tariff, keys: await openAccounts(url, { accounts }) }
}

/**
 * Opens accounts of `user-0` and so on, with keys (one) on a plan (`bench`) in a ledger that is there.
 * @param named what stands in the names before the number, where there are several groups
 */
export async function openAccounts(
  url: string,
  options: { accounts: number; keysEach?: number; plan?: BenchPlan; named?: string },
): Promise<BenchKey[]> {
  const { accounts, keysEach = 1, plan = 'bench', named = '' } = options
  await waitForDisk(url, false)
  const sql = connect({ url, as: 'owner', max: 1 })
  const commands = openManagementCommands(sql, 'bench')
  const openOne = async (n: number) => {
    const owner = { kind: 'user', id: `user-${named}${n}` } as const
    const accountId = accountIdOf(owner)
    const secret = newSecret()
    const minted = Array.from({ length: keysEach }, (_, i) =>
      mint(`key_${named}${n * keysEach + i}`),
    )
    const { verdict } = await commands.record(0, {
      id: `open-${named}${n}`,
      actor: 'bench',
      secret,
      expected: [
        { stream: 'account', id: accountId, version: 0 },
        ...minted.map(({ keyId }) => ({ stream: 'key', id: keyId, version: 0 }) as const),
      ],
      events: [
        {
          type: 'AccountOpened',
          accountId,
          payload: { owner },
        },
        {
          type: 'PlanStarted',
          accountId,
          payload: {
            plan,
            from: '2020-01-01T00:00:00.000Z',
            fee: { minorUnits: 0, currency: 'EUR' },
          },
        },
        ...minted.map(({ keyId, hash, display }) => ({
          type: 'KeyIssued' as const,
          ...{ accountId, keyId, mode: 'live' as const },
          private: seal(secret, accountId, { name: 'bench', description: null, allowedIps: [] }),
          payload: {
            ...{ hash, display },
            ...{ endpoints: null, rateLimit: null, monthlyCap: null, expiresAt: null },
          },
        })),
      ],
    })
    if (verdict !== 'ok') throw new Error(`account ${n}: ${verdict}`)
    return minted.map(({ key, keyId }) => ({ key, keyId, accountId }))
  }
  const keys: BenchKey[] = []
  for (let n = 0; n < accounts; n += sentAtOnce) {
    const count = Math.min(sentAtOnce, accounts - n)
    const some = Array.from({ length: count }, (_, i) => openOne(n + i))
    keys.push(...(await Promise.all(some)).flat())
    // Plans that were made for empty tables look at every row of full ones.
    if (Number.isInteger(Math.log2((n + count) / sentAtOnce))) await sql.unsafe('analyze')
  }
  await sql.unsafe('analyze')
  await sql.end()
  await waitForDisk(url, true)
  return keys
}

/** One connection sends them without waiting for results: several would wait for each other's shard lock. */
const sentAtOnce = 100

function mint(keyId: string) {
  const prefixes = { live: 'sk_live_', test: 'sk_test_' }
  return { keyId, ...mintKey({ prefixes, mode: 'live', shard: 0, random: secureRandom }) }
}

/** Whether commits wait for the disk: thousands in a row need not, while a ledger is filled. */
export async function waitForDisk(url: string, wait: boolean): Promise<void> {
  const name = new URL(url).pathname.slice(1)
  const sql = connect({ url, as: 'owner', max: 1 })
  await sql.unsafe(`alter database ${name} set synchronous_commit = ${wait ? 'on' : 'off'}`)
  await sql.end()
}
