/** A book for a bench: migrated, priced, with as many accounts and keys as asked for. */
import { secureRandom } from '../../src/base62.ts'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { mintKey } from '../../src/gate/key-format.ts'
import { type Commands, openCommands } from '../../src/ledger/commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate.ts'
import { newSecret, seal } from '../../src/ledger/private-fields.ts'

export interface BenchKey {
  readonly key: string
  readonly keyId: string
  readonly accountId: string
}

export interface BenchBook {
  readonly url: string
  readonly tariff: string
  readonly keys: readonly BenchKey[]
}

/** The configuration with plans wide enough that nothing is refused. */
export function benchConfig(): Config {
  const config = loadConfig({ env: {} })
  const wide = {
    rateLimit: 1_000_000,
    windowMs: 1_000,
    credits: 1_000_000_000,
    maxInFlight: 100_000,
    endpoints: 'all' as const,
    fee: { minorUnits: 0, currency: 'EUR' },
    grantable: true,
  }
  return { ...config, plans: { bench: wide, pro: wide, enterprise: wide }, defaultPlan: 'bench' }
}

/** A fresh database `name`, migrated, on the server at `serverUrl`; answers its URL. */
export async function freshDatabase(serverUrl: string, name: string): Promise<string> {
  const server = connect({ url: serverUrl, as: 'owner', max: 1 })
  await server.unsafe(`drop database if exists ${name} with (force)`)
  await server.unsafe(`create database ${name}`)
  await server.end()
  const url = Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href
  await migrate({ url })
  return url
}

/** Puts the bench's prices and plans in force; answers the tariff's hash. */
export async function publishTariff(
  commands: Commands,
  from = '2020-01-01T00:00:00.000Z',
): Promise<string> {
  const tariff = tariffOf(benchConfig())
  const hash = tariffHash(tariff)
  const published = { type: 'TariffPublished', payload: { hash, from, ...tariff } }
  await commands.record(0, { id: 'tariff', actor: 'bench', expected: [], events: [published] })
  return hash
}

/** Fills a fresh database `name` on the server at `serverUrl`. */
export async function fillBook(
  serverUrl: string,
  name: string,
  accounts: number,
): Promise<BenchBook> {
  return fillAccounts(await freshDatabase(serverUrl, name), accounts)
}

/** Opens accounts with a key each in a book that is there, and puts the bench's prices in force. */
export async function fillAccounts(
  url: string,
  accounts: number,
  from?: string,
): Promise<BenchBook> {
  const sql = connect({ url, as: 'owner', max: 4 })
  const commands = openCommands(sql, 'bench')
  const hash = await publishTariff(commands, from)

  const keys: BenchKey[] = []
  const openOne = async (n: number) => {
    const accountId = `acc_${n}`
    const keyId = `key_${n}`
    const prefixes = { live: 'sk_live_', test: 'sk_test_' }
    const minted = mintKey({ prefixes, mode: 'live', shard: 0, random: secureRandom })
    const secret = newSecret()
    const { verdict } = await commands.record(0, {
      id: `open-${n}`,
      actor: 'bench',
      secret,
      expected: [
        { stream: 'account', id: accountId, version: 0 },
        { stream: 'key', id: keyId, version: 0 },
      ],
      events: [
        {
          type: 'AccountOpened',
          accountId,
          payload: { owner: { kind: 'user', id: `user-${n}` } },
        },
        {
          type: 'PlanStarted',
          accountId,
          payload: {
            plan: 'bench',
            from: '2020-01-01T00:00:00.000Z',
            fee: { minorUnits: 0, currency: 'EUR' },
          },
        },
        {
          type: 'KeyIssued',
          accountId,
          keyId,
          mode: 'live',
          private: seal(secret, accountId, { name: 'bench', description: null, allowedIps: [] }),
          payload: {
            hash: minted.hash,
            display: minted.display,
            endpoints: null,
            rateLimit: null,
            monthlyCap: null,
            expiresAt: null,
          },
        },
      ],
    })
    if (verdict !== 'ok') throw new Error(`account ${n}: ${verdict}`)
    keys.push({ key: minted.key, keyId, accountId })
  }
  for (let n = 0; n < accounts; n += 4) {
    const some = Array.from({ length: Math.min(4, accounts - n) }, (_, i) => openOne(n + i))
    await Promise.all(some)
  }
  await sql.unsafe('analyze')
  await sql.end()
  return { url, tariff: hash, keys }
}
