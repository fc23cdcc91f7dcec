/**
 * A ledger for a test file: a database of its own, cloned from a migrated template, with a clock that stands
 * where the test puts it. Accounts, keys and tariffs are written by the same management commands as in service.
 *
 *   const ledger = await openLedger()
 *   const key = await ledger.key(await ledger.account({ plan: 'free' }))
 *   const { hold } = await ledger.hold(key, 5)
 *   await ledger.settle(hold, 3)
 */
import type { EventType } from '../../events/catalogue.ts'
import type { NewEvent } from '../../events/new-event.ts'
import { type Tariff, tariffContent, tariffHash } from '../../src/config/tariff.ts'
import { type KeyPrefixes, mintKey } from '../../src/gate/authenticate/key-format.ts'
import {
  type ManagementCommands,
  type ManagementResult,
  openManagementCommands,
} from '../../src/ledger/commands/management-commands.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { newSecret, seal } from '../../src/ledger/private-fields.ts'
import { secureRandom } from '../../src/lib/base62.ts'
import { accountIdOf, newKeyId, type Owner } from '../../src/lib/ids.ts'
import { type Gateway, type KeyAtGate, openGateway } from './gateway.ts'
import { createDatabase, templateDatabase } from './postgres.ts'

/** The time of a new ledger's clock: in the middle of a month and of a day. */
export const start = new Date('2030-06-15T12:00:00Z')

export const prefixes: KeyPrefixes = { live: 'sk_live_', test: 'sk_test_' }

const freeOfCharge = { minorUnits: 0, currency: 'EUR' }

/** Plans by what they give a month: free 100 credits, pro 1,000, none 0. */
export const testTariff: Tariff = {
  plans: { free: plan(100), pro: plan(1_000), none: plan(0) },
  prices: { search: { per: 'request', credits: 1 }, prices: { per: 'free' } },
}

export interface TestAccount {
  readonly shard: number
  readonly accountId: string
  readonly owner: Owner
  readonly secret: Uint8Array
  /** Follows what is written through the ledger; a test may set it back to play a stale gateway. */
  version: number
}

export interface TestKey extends KeyAtGate {
  readonly account: TestAccount
  /** The key itself, as its owner shows it. */
  text: string
  hash: string
  version: number
}

export interface Ledger extends Omit<Gateway, 'close' | 'sql'> {
  readonly url: string
  /** Connections as the schema's owner: for changes beneath the ledger, and for looking at it. */
  readonly owner: Sql
  readonly sql: Sql
  /** Connections as gateways have them, for each plane. */
  readonly calls: Sql
  readonly management: Sql
  readonly commands: ManagementCommands
  /** Another appender, with its own connection and producer. Closed with the ledger. */
  newGateway(instance?: string, options?: { shard?: number; timeoutMs?: number }): Gateway
  /** Where the clock stands. */
  readonly now: Date
  /** Moves the clock. The ledger's time never runs backwards: what is recorded stays the latest. */
  travelTo(time: Date | string): Promise<void>
  advance(ms: number): Promise<void>
  /** Publishes a tariff, in force at once unless `from` says otherwise; returns its hash. */
  publish(tariff: Tariff, from?: Date | string): Promise<string>
  account(options?: { plan?: string; owner?: Owner; shard?: number }): Promise<TestAccount>
  key(
    account: TestAccount,
    options?: {
      mode?: 'live' | 'test'
      endpoints?: string[] | null
      rateLimit?: number | null
      monthlyCap?: number | null
      expiresAt?: string | null
      name?: string
      allowedIps?: string[]
    },
  ): Promise<TestKey>
  /** Records one event on an account or a key, at its present version. */
  change(
    target: TestAccount | TestKey,
    type: EventType,
    payload?: object,
    sealed?: Uint8Array,
  ): Promise<ManagementResult>
  /** Ends the present plan and starts another, at once unless `from` says otherwise. */
  changePlan(account: TestAccount, plan: string, from?: Date | string): Promise<ManagementResult>
  /** Grants promotional credits without expiry, unless `more` says otherwise. */
  grant(
    account: TestAccount,
    credits: number,
    more?: Partial<Parameters<ManagementCommands['grant']>[1]>,
  ): Promise<ManagementResult>
  /** Number of events in the log. */
  size(): Promise<number>
  /** Drops the database; fails when something is still connected to it. */
  close(): Promise<void>
}

/** Opens a ledger in which `tariff` is in force; undefined: the test tariff; null: none. */
export async function openLedger(
  options: { tariff?: Tariff | null; shards?: number } = {},
): Promise<Ledger> {
  const shards = options.shards ?? 1
  const template = await templateDatabase(`book_${shards}`, (url) => fillTemplate(url, shards))
  const { url, drop } = await createDatabase({ template })
  return openLedgerAt(url, { ...options, shards, now: start, drop })
}

/** The same on a database that is migrated already, with the clock as it stands there. */
export async function openLedgerAt(
  url: string,
  options: { tariff?: Tariff | null; shards?: number; now: Date; drop: () => Promise<void> },
): Promise<Ledger> {
  const { shards = 1 } = options
  const owner = connect({ url, as: 'owner', max: 4 })
  const sql = connect({ url, as: 'owner', max: 4 })
  const calls = connect({ url, as: 'calls', max: 2 })
  const management = connect({ url, as: 'management', max: 4 })
  const commands = openManagementCommands(management, 'manager')
  const gateways: Gateway[] = []
  let { now } = options
  // The ledger's time never runs backwards.
  let latest = now
  let tariff = ''

  async function travelTo(time: Date | string): Promise<void> {
    now = new Date(time)
    if (now > latest) latest = now
    await setClock(owner, now)
  }

  function newGateway(instance = `gateway-${gateways.length + 1}`, more = {}): Gateway {
    const gateway = openGateway(url, instance, more)
    gateways.push(gateway)
    return gateway
  }

  async function publish(next: Tariff, from: Date | string = now): Promise<string> {
    const hash = tariffHash(next)
    const at = new Date(from)
    const payload = { hash, from: at.toISOString(), ...tariffContent(next) }
    for (let shard = 0; shard < shards; shard++) {
      await record(shard, [], [{ type: 'TariffPublished', payload }])
    }
    if (at <= now) tariff = hash
    return hash
  }

  async function record(
    shard: number,
    expected: Parameters<ManagementCommands['record']>[1]['expected'],
    events: readonly NewEvent[],
    secret?: Uint8Array,
  ): Promise<ManagementResult> {
    const id = crypto.randomUUID()
    const result = await commands.record(shard, {
      ...{ id, actor: 'test', expected, events },
      ...(secret ? { secret } : {}),
    })
    if (result.verdict !== 'ok') throw new Error(`recording: ${result.verdict}`)
    return result
  }

  async function account({
    plan = 'free',
    owner = { kind: 'user', id: crypto.randomUUID() } as Owner,
    shard = 0,
  } = {}): Promise<TestAccount> {
    const accountId = accountIdOf(owner)
    const secret = newSecret()
    const started = { plan, from: now.toISOString(), fee: freeOfCharge }
    await record(
      shard,
      [{ stream: 'account', id: accountId, version: 0 }],
      [
        { type: 'AccountOpened', payload: { owner }, accountId },
        { type: 'PlanStarted', payload: started, accountId },
      ],
      secret,
    )
    return { shard, accountId, owner, secret, version: 2 }
  }

  const key: Ledger['key'] = async (account, options = {}) => {
    const { accountId, secret, shard } = account
    const { mode = 'live', name = 'test', allowedIps = [] } = options
    const { endpoints = null, rateLimit = null, monthlyCap = null, expiresAt = null } = options
    const minted = mintKey({ prefixes, mode, shard, random: secureRandom })
    const { hash, display } = minted
    const keyId = newKeyId()
    const payload = { hash, display, endpoints, rateLimit, monthlyCap, expiresAt }
    const sealed = seal(secret, accountId, { name, description: null, allowedIps })
    await record(
      shard,
      [{ stream: 'key', id: keyId, version: 0 }],
      [{ type: 'KeyIssued', payload, accountId, keyId, mode, private: sealed }],
    )
    const text = minted.key
    return {
      ...{ shard, keyId, accountId, account, mode, text, hash },
      version: 1,
      tariff: () => tariff,
      now: () => latest,
    }
  }

  const change: Ledger['change'] = async (target, type, payload = {}, sealed) => {
    const { accountId } = target
    const ofKey = 'keyId' in target ? { keyId: target.keyId, mode: target.mode } : {}
    const sealedIn = sealed ? { private: sealed } : {}
    const stream = 'keyId' in target ? 'key' : 'account'
    const id = 'keyId' in target ? target.keyId : accountId
    const result = await record(
      target.shard,
      [{ stream, id, version: target.version }],
      [{ type, payload, accountId, ...ofKey, ...sealedIn }],
    )
    target.version += 1
    return result
  }

  const changePlan: Ledger['changePlan'] = async (account, plan, from = now) => {
    const at = new Date(from).toISOString()
    const { accountId } = account
    const result = await record(
      account.shard,
      [{ stream: 'account', id: accountId, version: account.version }],
      [
        { type: 'PlanEnded', payload: { plan: 'before', at }, accountId },
        { type: 'PlanStarted', payload: { plan, from: at, fee: freeOfCharge }, accountId },
      ],
    )
    account.version += 2
    return result
  }

  const grant: Ledger['grant'] = ({ accountId, shard }, credits, more) =>
    commands.grant(shard, {
      ...{ accountId, mode: 'live', credits, kind: 'promotional', startsAt: now.toISOString() },
      ...{ actor: 'test', ...more },
    })

  async function size(): Promise<number> {
    const [row] = await sql<[{ size: number }]>`select count(*) as size from events`
    return row.size
  }

  async function close(): Promise<void> {
    for (const gateway of gateways) await gateway.close()
    await Promise.all([sql, owner, calls, management].map((pool) => pool.end({ timeout: 5 })))
    await options.drop()
  }

  const { appender, append, hold, extend, settle, release, expire, count } = newGateway()
  if (options.tariff !== null) await publish(options.tariff ?? testTariff)
  return {
    ...{ appender, append, hold, extend, settle, release, expire, count },
    ...{
      url,
      owner,
      sql,
      calls,
      management,
      commands,
      newGateway,
      travelTo,
      publish,
      account,
      key,
      change,
      changePlan,
    },
    ...{ grant, size, close },
    get now() {
      return now
    },
    advance: (ms) => travelTo(new Date(now.getTime() + ms)),
  }
}

function plan(credits: number) {
  return {
    ...{ rateLimit: 1_000, windowMs: 60_000, credits, maxInFlight: 1_000 },
    ...{ endpoints: 'all' as const, fee: freeOfCharge, grantable: true },
  }
}

async function fillTemplate(url: string, shards: number): Promise<void> {
  await migrate({ url, shards })
  const owner = connect({ url, as: 'owner', max: 1 })
  await setClock(owner, start)
  await owner`update heads set recorded_at = ${start}, clock_at = ${start}`
  await owner.end()
}

/**
 * The ledger reads the time through one function, which is replaced here. As after an operator's confirmation, the reading is
 * accepted whatever the senders' clocks say.
 */
async function setClock(owner: Sql, time: Date): Promise<void> {
  await owner`update heads set clock_at = greatest(clock_at, ${time})`
  await owner.unsafe(`create or replace function ledger_now() returns timestamptz
    language sql volatile as $$ select timestamptz '${time.toISOString()}' $$`)
}
