/**
 * The ledger in memory decides what PostgreSQL decides: any statements, sent to both, get the same replies and write the
 * same events, to the last byte that is hashed.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { EventType } from '../../events/catalogue.ts'
import type { Plan } from '../../src/config/config.ts'
import { type Tariff, tariffHash } from '../../src/config/tariff.ts'
import {
  openAppendConnection,
  type RegistrationRow,
} from '../../src/ledger/append/append-connection.ts'
import { decodeEnd } from '../../src/ledger/append/append-reply.ts'
import { packBatch } from '../../src/ledger/append/batch.ts'
import type { CallCommand, Hold, LeaseHold, Settle } from '../../src/ledger/append/call-commands.ts'
import type { HighWaterMark } from '../../src/ledger/append/high-water-marks.ts'
import { type KeyCommands, openKeyCommands } from '../../src/ledger/commands/key-commands.ts'
import {
  type ManagementCommands,
  openManagementCommands,
} from '../../src/ledger/commands/management-commands.ts'
import type { Sql } from '../../src/ledger/connect.ts'
import { openStoredResponses } from '../../src/ledger/idempotency/stored-responses.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { readKeyByHash } from '../../src/ledger/read/read-key-by-hash.ts'
import { readOverdueHolds } from '../../src/ledger/read/read-overdue-holds.ts'
import type { PriceRule } from '../../src/pricing/price-rule.ts'
import { lookUpOwnCharge } from '../../src/reports/charge/charge-lookup.ts'
import { budgetsFor, groupFor, keyBudgetsFor } from '../support/budgets.ts'
import * as commands from '../support/gateway.ts'
import { changeOperatorKey, operatorSecret } from '../support/operator-keys.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { testTariff } from '../support/test-ledger.ts'
import { MemoryLedger } from './memory-ledger/memory-ledger.ts'
import { normalized } from './normalized.ts'
import { openPostgresServer, type PostgresServer } from './postgres-server.ts'
import { describe, statementName } from './trace.ts'
import type { Reply, Statement } from './wire.ts'
import { sqlOver } from './wire-client.ts'

const runs = Number(process.env.PROPERTY_RUNS ?? 40)
const seed = Number(process.env.PROPERTY_SEED ?? Math.floor(Math.random() * 2 ** 31))

let database: TestDatabase
let server: PostgresServer
beforeAll(async () => {
  database = await createDatabase()
  await migrate({ url: database.url, shards: 1 })
  server = await openPostgresServer(database.url)
})
afterAll(async () => {
  await server.close()
  await database.drop()
})

const midMonthMs = Date.parse('2030-06-15T12:00:00Z')
/** A clock that jumps by more than five minutes is not believed, so that a month turns only where it is about to end. */
const endOfMonthMs = Date.parse('2030-06-30T23:58:00Z')

/** Both ledgers at once. A reply that differs ends the test. */
class Twins {
  nowMs: number
  readonly memory: MemoryLedger
  readonly sql: Sql = sqlOver((statement) => this.execute(statement))
  readonly commands: ManagementCommands = openManagementCommands(this.sql, 'operator')
  readonly keyCommands: KeyCommands = openKeyCommands(this.sql, 'gateway')

  constructor(readonly startMs: number) {
    this.nowMs = startMs
    this.memory = new MemoryLedger({ startsAtMs: startMs, login: server.login })
  }

  async execute(statement: Statement): Promise<Reply> {
    const real = await server.execute(statement, this.nowMs, true)
    const memory = this.memory.execute(statement, this.nowMs)
    const what = `${statementName(statement)} ${describe(statement, memory)}`
    expect(normalized(memory, real), what).toEqual(normalized(real, real))
    return real
  }
}

const fee = { minorUnits: 0, currency: 'EUR' }

/** Small tiers, so that histories come over their ends. */
const tiered: PriceRule = {
  per: 'request',
  tiers: [{ upTo: 7, credits: 3 }, { upTo: 20, credits: 0 }, { credits: 2 }],
}
const several: PriceRule = [
  { name: 'base', per: 'request', credits: 1 },
  {
    name: 'volume',
    per: 'item',
    hold: { list: '/l' },
    tiers: [{ upTo: 5, perMillion: 1_300_000 }, { perMillion: 700_001 }],
  },
]

const ofPro = { per: 'request', credits: 2 } as const

const overageFee = { minorUnits: 120, currency: 'EUR' }

function tariffOf(free: number): Tariff {
  const plan = testTariff.plans.free as Plan
  return {
    prices: { ...testTariff.prices, tiered, several },
    packs: { small: { credits: free, price: { minorUnits: 500, currency: 'EUR' }, validDays: 30 } },
    plans: {
      none: { ...plan, credits: 0 },
      free: { ...plan, credits: free, maxInFlight: 4, rollover: { max: 9, months: 2 } },
      pro: {
        ...{ ...plan, credits: 2 * free, maxInFlight: 100, firstMonth: 'prorated' },
        prices: {
          search: ofPro,
          tiered: { per: 'request', tiers: [{ upTo: 9, credits: 1 }, { credits: 2 }] },
        },
      },
      tried: { ...plan, credits: 0, trial: { credits: free, days: 9 } },
      over: { ...plan, credits: free, overage: { max: free, fee: overageFee, per: 7 } },
    },
  }
}

interface Key {
  readonly keyId: string
  readonly accountId: string
  readonly mode: 'live' | 'test'
  readonly hash: string
  version: number
}

interface Producer {
  readonly id: string
  sequence: number
  seen: HighWaterMark
}

/** What a history works on. */
class History {
  readonly twins: Twins
  readonly versions = new Map<string, number>()
  readonly keys: Key[] = []
  readonly holds: Hold[] = []
  readonly leases: LeaseHold[] = []
  readonly ended: string[] = []
  readonly producers: Producer[] = []
  tariff = ''
  readonly operatorKey = { id: `opk_${'0'.repeat(22)}`, version: 0 }
  /** Nearly all that it buys is sold in tiers, and its accounts can pay for it. */
  readonly isInTiers: boolean
  private ids = 0

  constructor(isInTiers: boolean, startMs: number) {
    this.isInTiers = isInTiers
    this.twins = new Twins(startMs)
  }

  id(prefix = ''): string {
    return `${prefix}${(++this.ids).toString().padStart(6, '0')}`
  }

  /** A UUIDv7 of the time that it is, or now and then of one that is too long ago. */
  requestId(): string {
    const number = this.id()
    const ms = this.twins.nowMs - (Number(number) % 23 === 0 ? 301_000 : 0)
    const time = ms.toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.padStart(12, '0')}`
  }

  async open(): Promise<void> {
    await this.publish(30)
    for (const [account, plan] of [
      ['acc_a', 'free'],
      ['acc_B', 'over'],
    ] as const) {
      await this.openAccount(account, plan)
    }
    await this.issue('acc_a', 'live', null)
    await this.issue('acc_a', 'live', 40)
    await this.issue('acc_a', 'test', null)
    await this.issue('acc_B', 'live', null)
    for (const credits of [7, 5, 20]) await this.grant('acc_B', credits)
    for (const account of this.isInTiers ? ['acc_a', 'acc_B'] : [])
      await this.grant(account, 10_000)
    await this.register()
    await this.register()
  }

  private async openAccount(accountId: string, plan: string): Promise<void> {
    const from = new Date(this.twins.startMs).toISOString()
    this.versions.set(accountId, 2)
    await this.twins.commands.record(0, {
      ...{ id: this.id('open'), actor: 'cli', secret: new Uint8Array(32) },
      expected: [{ stream: 'account', id: accountId, version: 0 }],
      events: [
        { type: 'AccountOpened', payload: { owner: { kind: 'user', id: accountId } }, accountId },
        { type: 'PlanStarted', payload: { plan, from, fee }, accountId },
      ],
    })
  }

  private async issue(accountId: string, mode: 'live' | 'test', monthlyCap: number | null) {
    const keyId = this.id('key_')
    const hash = Bun.SHA256.hash(keyId, 'hex')
    const payload = {
      hash,
      display: 'x',
      endpoints: null,
      rateLimit: null,
      monthlyCap,
      expiresAt: null,
    }
    this.keys.push({ keyId, accountId, mode, hash, version: 1 })
    await this.twins.commands.record(0, {
      ...{ id: this.id('issue'), actor: 'cli' },
      expected: [{ stream: 'key', id: keyId, version: 0 }],
      events: [{ type: 'KeyIssued', payload, accountId, keyId, mode }],
    })
  }

  async publish(free: number): Promise<void> {
    const tariff = tariffOf(free)
    this.tariff = tariffHash(tariff)
    const payload = { hash: this.tariff, from: new Date(this.twins.nowMs).toISOString(), ...tariff }
    await this.twins.commands.record(0, {
      ...{ id: this.id('publish'), actor: 'cli', expected: [] },
      events: [{ type: 'TariffPublished', payload }],
    })
  }

  /** @param again the id of an earlier producer */
  async register(again?: string): Promise<void> {
    const id = again ?? `00000000-0000-4000-8000-${this.id().padStart(12, '0')}`
    const row = await openAppendConnection(this.twins.sql).register({
      ...{ producer: id, instance: `gw_${id.slice(-2)}`, shard: 0, mark: this.producers[0]?.seen },
    })
    if (row.outcome === 'opened' && again === undefined) {
      this.producers.push({ id, sequence: 0, seen: decodeEnd(row as RegistrationRow).end })
    }
  }

  async grant(accountId: string, credits: number, more: object = {}): Promise<void> {
    const startsAt = new Date(this.twins.nowMs).toISOString()
    await this.twins.commands.grant(0, {
      ...{ accountId, mode: 'live', credits, kind: 'promotional', startsAt, actor: 'cli' },
      // Without one the command would have an id by chance.
      externalId: this.id('grant'),
      ...more,
    })
  }

  async change(
    of: Key | string,
    type: EventType,
    payload: object,
    sealed?: Uint8Array,
  ): Promise<void> {
    const key = typeof of === 'string' ? undefined : of
    const accountId = key?.accountId ?? (of as string)
    const id = key?.keyId ?? accountId
    const version = key?.version ?? this.versions.get(accountId) ?? 0
    const { verdict } = await this.twins.commands.record(0, {
      ...{ id: this.id('change'), actor: 'cli' },
      expected: [{ stream: key ? 'key' : 'account', id, version }],
      events: [
        {
          ...{ type, payload, accountId, ...(key && { keyId: key.keyId, mode: key.mode }) },
          ...(sealed && { private: sealed }),
        },
      ],
    })
    if (verdict !== 'ok') return
    if (key) key.version++
    else this.versions.set(accountId, version + 1)
  }

  /** Sends a batch under its producer's next number, or says something else of it. */
  async send(pick: number, batch: readonly CallCommand[], says: Says): Promise<void> {
    const producer = this.producers[pick % Math.max(this.producers.length, 1)]
    if (!producer) return
    const columns = packBatch(batch)
    const isRepeated = says === 'the same again'
    const row = await openAppendConnection(this.twins.sql).append({
      ...{ shard: 0, producer: producer.id, columns, delivered: producer.seen.position },
      content: Bun.hash(columns.join('\0')).toString(),
      sequence: producer.sequence + (isRepeated ? 0 : says === 'a later number' ? 2 : 1),
      seen: says === 'another hash' ? { ...producer.seen, hash: 'ab' } : producer.seen,
      withheld: says === 'withheld' ? [producer.seen.position] : [],
    })
    if (row === undefined || row.outcome !== 'appended') return
    producer.sequence++
    producer.seen = decodeEnd(row).end
  }

  hold(pick: number): Hold | undefined {
    return this.holds[this.holds.length - 1 - (pick % Math.max(this.holds.length, 1))]
  }

  key(pick: number): Key {
    return this.keys[pick % this.keys.length] as Key
  }
}

type Says = 'its next' | 'the same again' | 'a later number' | 'another hash' | 'withheld'

interface CommandStep {
  readonly kind: CallCommand['kind'] | 'again' | 'stale'
  readonly pick: number
  readonly credits: number
  readonly holdSeconds: number
  readonly claim: number
}

type Step =
  | {
      readonly do: 'batch'
      readonly producer: number
      readonly says: Says
      readonly commands: readonly CommandStep[]
    }
  | { readonly do: keyof typeof verbs; readonly pick: number; readonly credits: number }
  | { readonly do: 'wait'; readonly ms: number }

const inDays = (history: History, days: number) =>
  new Date(history.twins.nowMs + days * 86_400_000).toISOString()

const verbs = {
  grant: (h: History, pick: number, credits: number) =>
    h.grant(pick % 2 ? 'acc_a' : 'acc_B', credits, {
      mode: pick % 5 ? 'live' : 'test',
      ...(pick % 3 ? {} : { expiresAt: inDays(h, credits % 40) }),
      ...(pick % 7 ? {} : { startsAt: inDays(h, 1) }),
      ...(pick % 4 ? {} : { externalId: `again-${credits % 3}` }),
    }),
  pack: async (h: History, pick: number, credits: number) => {
    const accountId = pick % 2 ? 'acc_a' : 'acc_B'
    const externalId = pick % 4 ? h.id('pack') : `again-${credits % 3}`
    const command = { accountId, mode: 'live', pack: pick % 5 ? 'small' : 'none' } as const
    await h.twins.commands.grantPack(0, { ...command, externalId, actor: 'cli' })
  },
  adjust: async (h: History, pick: number, credits: number) => {
    const accountId = pick % 2 ? 'acc_a' : 'acc_B'
    const externalId = pick % 4 ? h.id('adjust') : `again-${credits % 3}`
    const mode = pick % 5 ? 'live' : 'test'
    await h.twins.commands.adjust(0, { accountId, mode, credits, externalId, actor: 'cli' })
  },
  refund: async (h: History, pick: number, credits: number) => {
    const requestId = h.ended[pick % Math.max(h.ended.length, 1)] ?? 'none'
    const externalId = pick % 3 ? h.id('refund') : `undelivered:${requestId}`
    const amount = pick % 2 ? {} : { credits }
    await h.twins.commands.refund(0, { requestId, externalId, actor: 'cli', ...amount })
  },
  // What a key asks for itself. Now and then nobody has such a key.
  askBack: async (h: History, pick: number) => {
    const requestId = h.ended[pick % Math.max(h.ended.length, 1)] ?? 'none'
    const hash = pick % 9 ? h.key(pick).hash : 'nobody'
    const sealed = pick % 2 ? new Uint8Array([1, pick]) : undefined
    await h.twins.keyCommands.refundUndelivered({ shard: 0, hash }, requestId, sealed)
  },
  revokeItself: async (h: History, pick: number) => {
    const hash = pick % 9 ? h.key(pick).hash : 'nobody'
    await h.twins.keyCommands.revoke({ shard: 0, hash })
  },
  plan: (h: History, pick: number, credits: number) =>
    h.change(pick % 2 ? 'acc_a' : 'acc_B', 'PlanStarted', {
      plan: ['free', 'pro', 'none', 'tried', 'over', 'unknown'][credits % 6],
      from: inDays(h, pick % 3 ? 0 : 20),
      fee,
    }),
  freeze: (h: History, pick: number) => h.change(pick % 2 ? 'acc_a' : 'acc_B', 'AccountFrozen', {}),
  unfreeze: (h: History, pick: number) =>
    h.change(pick % 2 ? 'acc_a' : 'acc_B', 'AccountUnfrozen', {}),
  limit: (h: History, pick: number, credits: number) =>
    h.change('acc_a', 'AccountLimitsChanged', {
      ...{ rateLimit: null, maxInFlight: pick % 2 ? null : (credits % 4) + 1 },
    }),
  describe: (h: History, pick: number) =>
    h.change('acc_a', 'AccountDescribed', {}, new Uint8Array([pick])),
  note: (h: History, pick: number) => h.change('acc_a', 'AccountNoted', {}, new Uint8Array([pick])),
  budget: (h: History, pick: number, credits: number) =>
    h.change('acc_a', 'AccountBudgetsChanged', { budgets: budgetsFor(pick, credits) }),
  keyBudget: (h: History, pick: number, credits: number) =>
    h.change(h.key(pick), 'KeyBudgetsChanged', { budgets: keyBudgetsFor(pick, credits) }),
  group: (h: History, pick: number, credits: number) =>
    h.change(h.key(pick), 'KeyGrouped', { group: groupFor(credits) }),
  cap: (h: History, pick: number, credits: number) =>
    h.change(h.key(pick), 'KeyLimitsChanged', { monthlyCap: pick % 3 ? credits : null }),
  disable: (h: History, pick: number) => h.change(h.key(pick), 'KeyDisabled', {}),
  enable: (h: History, pick: number) => h.change(h.key(pick), 'KeyEnabled', {}),
  revoke: (h: History, pick: number) => h.change(h.key(pick), 'KeyRevoked', {}),
  operatorKey: (h: History, pick: number, credits: number) => {
    // Now and then of another version than the one that it has.
    const key = pick % 7 ? h.operatorKey : { ...h.operatorKey, version: 99 }
    const later = pick % 2 ? 'OperatorKeyRotated' : 'OperatorKeyRevoked'
    const type = key.version === 0 ? 'OperatorKeyIssued' : later
    const secret = operatorSecret(h.id('secret'), inDays(h, credits))
    const said = {
      OperatorKeyIssued: { name: 'Export', role: 'auditor', ...secret },
      OperatorKeyRotated: { ...secret, previousHash: null, previousUntil: null },
      OperatorKeyRevoked: { reason: 'leaked' },
    }
    return changeOperatorKey(h.twins.commands, key, type, said[type], h.id('change'))
  },
  publish: (h: History, _pick: number, credits: number) => h.publish(15 + (credits % 3) * 15),
  register: (h: History, pick: number) =>
    h.register(pick % 3 ? undefined : h.producers[pick % Math.max(h.producers.length, 1)]?.id),
  store: async (h: History, pick: number, credits: number) => {
    const { keyId } = h.key(pick)
    const hold = h.hold(pick)
    if (!hold) return
    await h.twins.execute({
      text: 'select store_response_v1($1::smallint, $2, $3, $4, $5, $6)',
      values: ['0', keyId, `claim-${credits % 2}`, hold.requestId, '1', '\\x01'],
    })
  },
  replayed: async (h: History, pick: number, credits: number) => {
    await h.twins.execute({
      text: 'select replayed_v1($1::smallint, $2, $3)',
      values: ['0', h.key(pick).keyId, `claim-${credits % 2}`],
    })
  },
  accept: async (h: History, pick: number) => {
    // Of those whose clock is not the ledger's, some do it long after the log was last written.
    const sentAtMs = pick % 3 ? h.twins.nowMs : h.twins.startMs
    await h.twins.execute({
      text: 'select accept_loss_v1($1::smallint, $2, $3, $4, $5)',
      values: ['0', 'cli', new Date(sentAtMs).toISOString(), 'a test', 'cli'],
    })
    await h.register()
  },
  read: async (h: History, pick: number) => {
    const { sql } = h.twins
    const key = h.key(pick)
    await readKeyByHash(sql, key.hash)
    await readOverdueHolds(sql, 0, 500)
    const hold = h.hold(pick)
    if (hold) await lookUpOwnCharge(sql, key.hash, hold.requestId)
    const owner = { shard: 0, keyId: key.keyId, accountId: key.accountId, accountSecret: null }
    await openStoredResponses(sql, 60_000)
      .read({ ...owner, claim: `claim-${pick % 2}` })
      .catch(() => {})
  },
} as const

function commandOf(h: History, step: CommandStep): CallCommand {
  const { kind, pick, credits, holdSeconds, claim } = step
  const key = h.key(pick)
  const accountVersion = h.versions.get(key.accountId) ?? 0
  const at = { ...key, shard: 0, account: { version: accountVersion }, tariff: () => h.tariff }
  const requestId = h.requestId()
  // Of tiers, what they cost at most.
  const count = (credits % 5) + 1
  const ofTiers = { endpoint: 'tiered', tiered: {}, quantity: count, credits: count * 3 }
  const ofSeveral = {
    ...{ endpoint: 'several', tiered: { component: 'volume' }, quantity: 1 },
    ...{ parts: { base: 1, volume: count }, credits: Math.ceil(count * 1.3) + 1 },
  }
  // The last two cannot be priced: without tiers, and of another component.
  const sold = [
    ...[{}, {}, {}, ofTiers, ofTiers, ofSeveral, ofSeveral],
    ...[
      { ...ofTiers, endpoint: 'search' },
      { ...ofSeveral, tiered: { component: 'base' } },
    ],
  ][h.isInTiers ? 3 + ((claim + pick) % 4) : (claim + pick) % 9]
  // The one that prices its own is named by some, whether it is in force or not.
  const plan = claim % 3 ? undefined : 'pro'
  const hold = h.hold(pick)
  const lease = h.leases.at(-1 - (pick % Math.max(h.leases.length, 1)))
  switch (kind) {
    case 'stale':
      return commands.holdCommand(at, credits, { requestId, keyVersion: key.version - 1 })
    case 'count':
      return commands.countCommand(at, credits, { errors: credits % 2, latencyMsSum: credits })
    case 'count_refused': {
      const reason = pick % 3 ? 'insufficient_credits' : 'rate_limited'
      return commands.countRefusedCommand(at, credits, reason)
    }
    case 'lease': {
      const made = commands.leaseCommand(at, credits, (pick % 3) + 1, { requestId, holdSeconds })
      h.leases.push(made)
      return made
    }
    case 'charge_on_lease':
    case 'void_on_lease': {
      if (!lease) break
      const owner = h.keys.find(({ keyId }) => keyId === lease.keyId) ?? key
      const by = {
        ...owner,
        shard: 0,
        account: { version: accountVersion },
        tariff: () => h.tariff,
      }
      h.ended.push(requestId)
      if (kind === 'void_on_lease') return commands.voidOnLeaseCommand(by, lease, { requestId })
      return commands.chargeOnLeaseCommand(by, lease, credits, { requestId, plan, ...sold })
    }
    case 'extend': {
      if (!hold) break
      const owner = h.keys.find(({ keyId }) => keyId === hold.keyId) ?? key
      const by = {
        ...owner,
        shard: 0,
        account: { version: accountVersion },
        tariff: () => h.tariff,
      }
      return commands.extendCommand(by, hold, pick % 4 ? credits : 0, { holdSeconds })
    }
    case 'settle':
      if (!hold) break
      h.ended.push(hold.requestId)
      return commands.settleCommand(
        hold,
        Math.max(Math.min(credits, hold.credits + (pick % 2)) - 1, 0),
        hold.tiered && pick % 5 ? usedOf(hold, credits) : {},
      )
    case 'release': {
      if (!hold) break
      const reasons = ['upstream_failed', 'upstream_busy', 'upstream_timeout'] as const
      const reason = reasons[credits % 3] as (typeof reasons)[number]
      const of = pick % 3 === 0 && lease ? { ...lease, endpoint: null } : hold
      return commands.releaseCommand(of, { reason, status: [500, 502, 530][pick % 3] as number })
    }
    case 'expire':
      if (!hold) break
      return commands.expireCommand(pick % 3 === 0 && lease ? { ...lease, endpoint: null } : hold)
    case 'again':
      if (hold) return hold
      break
    case 'hold':
      break
    default:
      kind satisfies never
  }
  const claimed = claim < 2 && { key: `claim-${claim}`, requestHash: `request-${pick % 2}` }
  const made = commands.holdCommand(at, credits, {
    ...{ requestId, holdSeconds, plan, ...sold },
    ...(claimed && { claim: claimed }),
  })
  h.holds.push(made)
  return made
}

/** Of a hold with tiers: as much as was held, or less. */
function usedOf(hold: Hold, credits: number): Partial<Settle> {
  const component = hold.tiered?.component
  if (component === undefined) {
    const quantity = Math.min(credits, hold.quantity)
    return { quantity, credits: quantity * 3 }
  }
  const volume = Math.min(credits, hold.parts?.[component] ?? 0)
  return {
    ...{ quantity: 1, parts: { base: 1, [component]: volume } },
    credits: Math.ceil(volume * 1.3) + 1,
  }
}

const aCommand: fc.Arbitrary<CommandStep> = fc.record({
  kind: fc.oneof(
    ...Object.entries({
      ...{ hold: 8, extend: 4, settle: 5, release: 3, expire: 2, count: 1, stale: 1, again: 1 },
      ...{ lease: 3, charge_on_lease: 4, void_on_lease: 1 },
    }).map(([kind, weight]) => ({
      weight,
      arbitrary: fc.constant(kind as CommandStep['kind']),
    })),
  ),
  pick: fc.nat({ max: 104 }),
  credits: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 40 })),
  holdSeconds: fc.constantFrom(1, 60, 5_000_000),
  claim: fc.nat({ max: 9 }),
})

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('batch' as const),
      producer: fc.nat({ max: 5 }),
      says: fc.oneof(
        { weight: 30, arbitrary: fc.constant<Says>('its next') },
        { weight: 3, arbitrary: fc.constant<Says>('the same again') },
        { weight: 2, arbitrary: fc.constant<Says>('withheld') },
        { weight: 1, arbitrary: fc.constantFrom<Says>('a later number', 'another hash') },
      ),
      commands: fc.array(aCommand, { maxLength: 6, size: 'max' }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom(
        ...(Object.keys(verbs) as (keyof typeof verbs)[]),
        ...(['grant', 'adjust', 'refund', 'read'] as const),
      ),
      pick: fc.nat({ max: 104 }),
      credits: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 1_000, 61_000, 86_400_000, 16 * 86_400_000),
    }),
  },
)

async function take(history: History, step: Step): Promise<void> {
  if (step.do === 'wait') history.twins.nowMs += step.ms
  else if (step.do !== 'batch') await verbs[step.do](history, step.pick, step.credits)
  else {
    const batch = step.commands.map((command) => commandOf(history, command))
    await history.send(step.producer, batch, step.says)
  }
}

async function live(
  steps: readonly Step[],
  { isInTiers = false, startMs = midMonthMs } = {},
): Promise<History> {
  const history = new History(isInTiers, startMs)
  await server.reset(startMs)
  await history.open()
  for (const step of steps) {
    // What the ledger refuses is thrown here; both ledgers have refused it.
    await take(history, step).catch((error: Error) => {
      if (!['LedgerUnavailable', 'PostgresError'].includes(error.name)) throw error
    })
  }
  const written = await server.sql.unsafe(`select position, type, encode(event_hash, 'hex') as hash
    from events order by events.position`)
  const hashes = written.map(({ position, type, hash }) => `${position} ${type} ${hash}`)
  const inMemory = history.twins.memory.events.map(
    ({ position, type, event_hash }) => `${position} ${type} ${event_hash}`,
  )
  expect(inMemory).toEqual(hashes)
  return history
}

test(`any statements get the same replies and write the same events (seed ${seed})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(aStep, { minLength: 1, maxLength: 25, size: 'max' }),
      async (steps) => {
        await live(steps)
      },
    ),
    { numRuns: runs, seed, endOnFailure: !process.env.PROPERTY_SHRINK },
  )
}, 300_000)

const ofTiers: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('batch' as const),
      producer: fc.nat({ max: 5 }),
      says: fc.constant<Says>('its next'),
      commands: fc.array(
        fc.record({
          kind: fc.constantFrom(
            ...(['hold', 'hold', 'settle', 'settle', 'lease', 'charge_on_lease'] as const),
          ),
          pick: fc.nat({ max: 104 }),
          credits: fc.integer({ min: 1, max: 12 }),
          holdSeconds: fc.constantFrom(60, 5_000_000),
          claim: fc.nat({ max: 9 }),
        }),
        { minLength: 1, maxLength: 6, size: 'max' },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('plan' as const, 'publish' as const, 'refund' as const),
      pick: fc.nat({ max: 104 }),
      credits: fc.integer({ min: 1, max: 40 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 86_400_000, 16 * 86_400_000),
    }),
  },
)

const aStepOverMonths: fc.Arbitrary<Step> = fc.oneof(
  { weight: 7, arbitrary: aStep },
  { weight: 1, arbitrary: fc.constant<Step>({ do: 'wait', ms: 61_000 }) },
)

test(`what does not roll over lapses alike, and overage is given and drawn on alike (seed ${seed})`, async () => {
  let lapses = 0
  let overages = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(aStepOverMonths, { minLength: 10, maxLength: 40, size: 'max' }),
      async (steps) => {
        const { memory } = (await live(steps, { startMs: endOfMonthMs })).twins
        lapses += memory.events.filter(({ type }) => type === 'CreditsLapsed').length
        overages += memory.events.filter(({ payload }) => payload.kind === 'overage').length
      },
    ),
    { numRuns: runs, seed, endOnFailure: !process.env.PROPERTY_SHRINK },
  )
  expect(lapses).toBeGreaterThan(0)
  expect(overages).toBeGreaterThan(0)
}, 300_000)

test(`what is sold in tiers is priced alike, at any volume (seed ${seed})`, async () => {
  const volumes = new Set<number>()
  await fc.assert(
    fc.asyncProperty(
      fc.array(ofTiers, { minLength: 10, maxLength: 40, size: 'max' }),
      async (steps) => {
        const { memory } = (await live(steps, { isInTiers: true })).twins
        for (const { payload } of memory.events) volumes.add(payload.volume ?? 0)
      },
    ),
    { numRuns: runs, seed, endOnFailure: !process.env.PROPERTY_SHRINK },
  )
  expect(Math.max(...volumes)).toBeGreaterThan(0)
}, 300_000)
