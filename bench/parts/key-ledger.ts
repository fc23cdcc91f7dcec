/**
 * A ledger with many keys, made by the same commands as in service: accounts on three plans, one of them with
 * a tenth of all keys; keys that are disabled and revoked; thirty days of use.
 */
import type { NewEvent } from '../../events/new-event.ts'
import { mintKey } from '../../src/gate/authenticate/key-format.ts'
import {
  type ImportedUsage,
  type ManagementCommands,
  openManagementCommands,
} from '../../src/ledger/commands/management-commands.ts'
import { connect } from '../../src/ledger/connect.ts'
import { newSecret, seal } from '../../src/ledger/private-fields.ts'
import { secureRandom } from '../../src/lib/base62.ts'
import { accountIdOf, type Owner } from '../../src/lib/ids.ts'
import { catchUp } from '../../src/projector/catch-up.ts'
import { freshDatabase, publishTariff, waitForDisk } from './ledger.ts'

export interface KeyLedger {
  readonly url: string
  readonly events: number
  /** Rows of daily usage. */
  readonly usageRows: number
}

/** The owner of a tenth of all keys, and one with about five. */
export const busyOwner: Owner = { kind: 'user', id: 'user-0' }
export const usualOwner: Owner = { kind: 'user', id: 'user-7' }

const keysOfUsual = 5
const days = 30
const endpoints = ['search', 'extract']

export async function fillKeyLedger(
  serverUrl: string,
  name: string,
  keys: number,
): Promise<KeyLedger> {
  const url = await freshDatabase(serverUrl, name)
  await waitForDisk(url, false)
  const sql = connect({ url, as: 'owner', max: 4 })
  const commands = openManagementCommands(sql, 'bench')
  await publishTariff(commands)

  const ofBusy = keys / 10
  const accounts = 1 + (keys - ofBusy) / keysOfUsual
  let first = 0
  for (let n = 0; n < accounts; n++) {
    const count = n === 0 ? ofBusy : keysOfUsual
    await openAccount(commands, n, first, count)
    first += count
  }
  for (let n = 0; n < keys; n += 4) {
    const some = Array.from({ length: Math.min(4, keys - n) }, (_, i) =>
      use(commands, n + i, ofBusy),
    )
    await Promise.all(some)
  }
  while ((await catchUp(sql, [0])) > 0);
  await sql.unsafe('vacuum analyze')
  const [counted] = await sql<[Omit<KeyLedger, 'url'>]>`
    select (select count(*) from events) as events, (select count(*) from daily_usage) as "usageRows"`
  await sql.end()
  await waitForDisk(url, true)
  return { url, ...counted }
}

function accountOf(n: number): Owner {
  return n % 10 === 9 ? { kind: 'organisation', id: `org-${n}` } : { kind: 'user', id: `user-${n}` }
}

/** One account in ten is an organisation's; of twenty, fourteen are on the first plan and one on the last. */
async function openAccount(
  commands: ManagementCommands,
  n: number,
  firstKey: number,
  keys: number,
) {
  const owner = accountOf(n)
  const accountId = accountIdOf(owner)
  const secret = newSecret()
  const plan = n % 20 === 3 ? 'enterprise' : n % 20 < 6 ? 'pro' : 'bench'
  const started = {
    ...{ plan, from: '2020-01-01T00:00:00.000Z' },
    fee: { minorUnits: 0, currency: 'EUR' },
  }
  const numbers = Array.from({ length: keys }, (_, i) => firstKey + i)
  const { verdict } = await commands.record(0, {
    id: `open-${n}`,
    actor: 'bench',
    secret,
    expected: [
      { stream: 'account', id: accountId, version: 0 },
      ...numbers.map((key) => ({ stream: 'key', id: `key_${key}`, version: 0 }) as const),
    ],
    events: [
      { type: 'AccountOpened', accountId, payload: { owner } },
      { type: 'PlanStarted', accountId, payload: started },
      ...numbers.flatMap((key) => keyEvents(key, accountId, secret)),
    ],
  })
  if (verdict !== 'ok') throw new Error(`account ${n}: ${verdict}`)
}

/** Of ten keys one is disabled and one revoked. */
function keyEvents(n: number, accountId: string, secret: Uint8Array): NewEvent[] {
  const prefixes = { live: 'sk_live_', test: 'sk_test_' }
  const { hash, display } = mintKey({ prefixes, mode: 'live', shard: 0, random: secureRandom })
  const of = { accountId, keyId: `key_${n}`, mode: 'live' } as const
  const limits = { endpoints: null, rateLimit: null, monthlyCap: null, expiresAt: null }
  const document = { name: `Key ${n}`, description: 'For a bench.', allowedIps: [] }
  const issued: NewEvent = {
    ...{ ...of, type: 'KeyIssued', payload: { hash, display, ...limits } },
    private: seal(secret, accountId, document),
  }
  if (n % 10 === 4) return [issued, { ...of, type: 'KeyDisabled', payload: {} }]
  if (n % 10 === 8) return [issued, { ...of, type: 'KeyRevoked', payload: {} }]
  return [issued]
}

/** A key is used on every fifth day at each endpoint, and some on every day. */
async function use(commands: ManagementCommands, n: number, ofBusy: number): Promise<void> {
  const account = n < ofBusy ? 0 : 1 + Math.floor((n - ofBusy) / keysOfUsual)
  const today = new Date()
  const usage: ImportedUsage[] = []
  for (let day = 0; day < days; day++) {
    if (n % 10 !== 0 && (day + n) % 5 !== 0) continue
    const time = new Date(today.getTime() - day * 86_400_000 - 60_000).toISOString()
    for (const endpoint of endpoints) {
      usage.push({ time, endpoint, calls: 20, errors: 1, credits: 19, latencyMsSum: 2_400 })
    }
  }
  const { verdict } = await commands.importUsage(0, {
    ...{ id: `use-${n}`, accountId: accountIdOf(accountOf(account)), keyId: `key_${n}` },
    ...{ mode: 'live', actor: 'bench', usage },
  })
  if (verdict !== 'ok') throw new Error(`use of key ${n}: ${verdict}`)
}
