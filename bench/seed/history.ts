/**
 * A history of a business that sells calls: accounts on three plans with several keys each, calls that are
 * held and settled, released or expired, allowances when a month's first credits are needed, lots that are
 * bought, refunds, adjustments, caps and the life of keys. It is decided event by event as the ledger itself
 * would, so that every rule of the log holds for it at every position; the same seed makes the same history
 * (but for what is encrypted).
 */
import { canonicalJson } from '../../events/canonical-json.ts'
import type { Config } from '../../src/config/config.ts'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { mintKey } from '../../src/gate/authenticate/key-format.ts'
import { newSecret, seal } from '../../src/ledger/private-fields.ts'
import { accountIdOf } from '../../src/lib/ids.ts'

export interface HistoryOptions {
  readonly config: Config
  readonly events: number
  readonly keys: number
  readonly seed: number
  /** Of the first and the last event, in milliseconds since 1970. */
  readonly from: number
  readonly until: number
}

/** An event as a line of COPY needs it; what is absent is null. */
export interface SeededEvent {
  readonly recordedAt: number
  readonly type: string
  readonly payload: string
  readonly actor: string
  readonly occurredAt?: number
  readonly streamVersion?: number
  readonly accountId?: string
  readonly keyId?: string
  readonly mode?: 'live' | 'test'
  readonly requestId?: string
  readonly endpoint?: string
  readonly tariff?: string
  readonly credits?: number
  readonly quantity?: number
  readonly status?: number
  readonly latencyMs?: number
  readonly lots?: readonly number[]
  readonly held?: readonly number[]
  readonly moved?: readonly number[]
  readonly private?: Uint8Array
  /** With AccountOpened: the key of the account's private fields. */
  readonly secret?: Uint8Array
}

interface Lot {
  readonly lot: number
  readonly rank: 0 | 1
  readonly startsAt: number
  readonly expiresAt: number
  free: number
}

/** An account's credits in one mode. */
interface Purse {
  lots: Lot[]
  allowanceMonth: number
  open: number
}

interface Account {
  readonly accountId: string
  readonly plan: string
  readonly keys: Key[]
  readonly live: Purse
  readonly test: Purse
}

interface Key {
  readonly keyId: string
  readonly account: Account
  readonly mode: 'live' | 'test'
  version: number
  enabled: boolean
  revoked: boolean
  cap: number | undefined
  capMonth: number
  capUsed: number
}

interface Hold {
  readonly requestId: string
  readonly key: Key
  readonly kind: CallKind
  readonly heldAt: number
  expiresAt: number
  credits: number
  quantity: number
  readonly lots: Lot[]
  readonly held: number[]
  resolved: boolean
}

interface Charge {
  readonly hold: Hold
  readonly credits: number
  readonly moved: readonly number[]
}

interface CallKind {
  readonly endpoint: string
  /** Units at most, and what a unit is in the quantity that is counted. */
  readonly units: number
  readonly creditsPerUnit: number
  readonly quantityPerUnit: number
  readonly latencyMs: number
}

const maxOpen = 100
/** A hold lasts at least this many events, or a sparse log would be one of expiries. */
const holdEvents = 2_000
const dayMs = 86_400_000
const fee = { minorUnits: 0, currency: 'EUR' }

export function* history(options: HistoryOptions): Generator<SeededEvent> {
  const { config, events, from, until } = options
  const random = randomOf(options.seed)
  const below = (n: number) => Math.floor(random() * n)
  const tariff = tariffOf(config)
  const tariffName = tariffHash(tariff)
  const kinds = kindsOf(config)
  const stepMs = (until - from) / events
  const holdSeconds = Math.max(60, Math.ceil((stepMs * holdEvents) / 1_000))
  let position = 0
  let now = from
  let month = monthStart(now)
  let nextMonth = monthAfter(now)
  const accounts: Account[] = []
  const keys: Key[] = []
  const open: Hold[] = []
  /** In the order in which their time is over; the resolved ones among them are passed over. */
  const byAge: Hold[] = []
  let oldest = 0
  const charges: Charge[] = []
  const disabled: Key[] = []

  function record(event: Omit<SeededEvent, 'recordedAt'>): SeededEvent {
    position++
    return { recordedAt: now, ...event }
  }

  function* setUp(): Generator<SeededEvent> {
    yield record({
      type: 'TariffPublished',
      payload: canonicalJson({ hash: tariffName, from: iso(from), ...tariff }),
      actor: 'seed',
    })
    while (keys.length < options.keys) yield* openAccount(accounts.length)
  }

  function* openAccount(n: number): Generator<SeededEvent> {
    const owner = { kind: 'user', id: `seeded-${options.seed}-${n}` } as const
    const accountId = accountIdOf(owner)
    const secret = newSecret()
    // The busiest accounts are those of the first keys, and pay for it.
    const share = keys.length / options.keys
    const plan = share < 0.15 ? 'enterprise' : share < 0.7 ? 'pro' : 'free'
    const purse = (): Purse => ({ lots: [], allowanceMonth: 0, open: 0 })
    const account: Account = { accountId, plan, keys: [], live: purse(), test: purse() }
    const of = { accountId, actor: 'seed' }
    const started = canonicalJson({ plan, from: iso(from), fee })
    yield record({
      ...{ ...of, type: 'AccountOpened', streamVersion: 1, secret },
      payload: canonicalJson({ owner }),
    })
    yield record({ ...of, type: 'PlanStarted', streamVersion: 2, payload: started })
    accounts.push(account)
    const many = Math.min(1 + below(4), options.keys - keys.length)
    for (let i = 0; i < many; i++) {
      const mode = i > 0 && below(20) === 0 ? 'test' : 'live'
      const keyId = `key_${base36(random)}${base36(random)}`
      const cap = below(10) === 0 ? 50 + below(5_000) : undefined
      const key: Key = {
        ...{ keyId, account, mode, version: 1, enabled: true, revoked: false },
        ...{ cap, capMonth: 0, capUsed: 0 },
      }
      keys.push(key)
      account.keys.push(key)
      const { hash, display } = secretOf(mode)
      const limits = { endpoints: null, rateLimit: null, monthlyCap: cap ?? null, expiresAt: null }
      yield record({
        ...{ ...of, type: 'KeyIssued', streamVersion: 1, keyId, mode },
        payload: canonicalJson({ hash, display, ...limits }),
        private: seal(secret, accountId, { name: `key ${i}`, description: null, allowedIps: [] }),
      })
    }
  }

  function* call(): Generator<SeededEvent> {
    const key = keys[Math.floor(keys.length * random() ** 3)] as Key
    if (!key.enabled || key.revoked) return
    const { account, mode } = key
    const purse = account[mode]
    const plan = config.plans[account.plan]
    const kind = account.plan === 'free' ? kinds.search : pickKind()
    if (purse.open >= Math.min(plan?.maxInFlight ?? 0, maxOpen)) return
    const units = 1 + below(kind.units)
    const credits = units * kind.creditsPerUnit
    if (key.capMonth !== month) {
      key.capMonth = month
      key.capUsed = 0
    }
    if (key.cap !== undefined && key.capUsed + credits > key.cap) return
    yield* grantAllowance(account, mode)
    if (free(purse) < credits) {
      // Who is on no paid plan waits for the next month.
      if (account.plan === 'free') return
      yield* purchase(account, mode)
    }
    const requestId = uuid(now, random)
    const drawn = draw(purse, credits)
    const hold: Hold = {
      ...{ requestId, key, kind, heldAt: now, credits, resolved: false },
      expiresAt: now + holdSeconds * 1_000,
      quantity: units * kind.quantityPerUnit,
      lots: [...drawn.lots],
      held: [...drawn.held],
    }
    purse.open++
    key.capUsed += credits
    open.push(hold)
    byAge.push(hold)
    yield record({
      ...ofCall(hold),
      ...{ type: 'CreditsHeld', credits, quantity: hold.quantity, held: drawn.held },
      payload: `{"holdSeconds":${holdSeconds},"keyVersion":${key.version}}`,
    })
  }

  function pickKind(): CallKind {
    const dice = random()
    if (dice < 0.6) return kinds.search
    if (dice < 0.8) return kinds.extract
    if (dice < 0.9) return kinds.tts
    return dice < 0.95 ? kinds.bulk : kinds.stt
  }

  function* grantAllowance(account: Account, mode: 'live' | 'test'): Generator<SeededEvent> {
    const purse = account[mode]
    const credits = config.plans[account.plan]?.credits ?? 0
    if (purse.allowanceMonth === month || credits === 0) return
    purse.allowanceMonth = month
    yield grant(account, mode, 0, credits, month, nextMonth, 'ledger', {
      kind: 'allowance',
      startsAt: `${iso(month).slice(0, 19)}Z`,
      expiresAt: `${iso(nextMonth).slice(0, 19)}Z`,
    })
  }

  function* purchase(account: Account, mode: 'live' | 'test'): Generator<SeededEvent> {
    const credits = 10_000 * (1 + below(50))
    const expiresAt = below(3) === 0 ? now + 60 * dayMs : Number.POSITIVE_INFINITY
    yield grant(account, mode, 1, credits, now, expiresAt, 'seed', {
      kind: below(5) === 0 ? 'promotional' : 'paid',
      startsAt: iso(now),
      ...(expiresAt < Number.POSITIVE_INFINITY && { expiresAt: iso(expiresAt) }),
      externalId: `invoice-${position}`,
      paid: { minorUnits: credits, currency: 'EUR' },
    })
  }

  function grant(
    account: Account,
    mode: 'live' | 'test',
    rank: 0 | 1,
    credits: number,
    startsAt: number,
    expiresAt: number,
    actor: string,
    payload: object,
  ): SeededEvent {
    const { accountId } = account
    const purse = account[mode]
    purse.lots = purse.lots.filter((lot) => lot.expiresAt > now)
    purse.lots.push({ lot: position + 1, rank, startsAt, expiresAt, free: credits })
    purse.lots.sort((a, b) => a.rank - b.rank || compare(a.expiresAt, b.expiresAt) || a.lot - b.lot)
    const text = canonicalJson(payload)
    return record({ type: 'CreditsGranted', accountId, mode, credits, actor, payload: text })
  }

  function free(purse: Purse): number {
    let sum = 0
    for (const lot of purse.lots) if (lot.expiresAt > now) sum += lot.free
    return sum
  }

  function draw(purse: Purse, credits: number): { lots: Lot[]; held: number[] } {
    const lots: Lot[] = []
    const held: number[] = []
    let left = credits
    for (const lot of purse.lots) {
      if (left === 0) break
      if (lot.free === 0 || lot.expiresAt <= now) continue
      const take = Math.min(lot.free, left)
      lot.free -= take
      left -= take
      lots.push(lot)
      held.push(take)
    }
    return { lots, held }
  }

  /** Resolves a hold: settles what was used, or frees it all. */
  function resolve(hold: Hold, type: 'HoldSettled' | 'HoldReleased' | 'HoldExpired'): SeededEvent {
    const { key, kind, credits } = hold
    const settled = type === 'HoldSettled'
    const most = credits / kind.creditsPerUnit
    const units = settled ? 1 + below(most) : 0
    const used = units * kind.creditsPerUnit
    let left = used
    const moved = hold.held.map((held, i) => {
      const take = Math.min(held, left)
      left -= take
      ;(hold.lots[i] as Lot).free += held - take
      return take
    })
    hold.resolved = true
    key.account[key.mode].open--
    if (key.capMonth === monthStart(hold.heldAt)) key.capUsed += used - credits
    if (settled && used > 0) charges[below(1_000)] = { hold, credits: used, moved }
    return record({
      ...{ ...ofCall(hold), type, held: hold.held.map((held) => -held) },
      ...(settled
        ? { credits: used, quantity: units * kind.quantityPerUnit, status: 200, moved }
        : { credits }),
      ...(type !== 'HoldExpired' && { latencyMs: kind.latencyMs + below(kind.latencyMs) }),
      ...(type === 'HoldReleased' && { status: 502 }),
      actor: type === 'HoldExpired' ? 'gateway' : `key:${key.keyId}`,
      payload: type === 'HoldReleased' ? '{"reason":"upstream_error"}' : '{}',
    })
  }

  function ofCall(hold: Hold) {
    const { key, requestId, kind, heldAt, lots } = hold
    return {
      ...{ accountId: key.account.accountId, keyId: key.keyId, mode: key.mode, requestId },
      ...{ endpoint: kind.endpoint, tariff: tariffName, occurredAt: heldAt },
      ...{ actor: `key:${key.keyId}`, lots: lots.map(({ lot }) => lot) },
    }
  }

  /** A call that turns out longer holds more; a lot that it draws on again stands in it once. */
  function* extend(): Generator<SeededEvent> {
    const hold = open[below(open.length)]
    if (!hold || hold.resolved || hold.expiresAt <= now) return
    const { key, kind } = hold
    // Credits of a new month are not for a call of the old one.
    if (!key.enabled || key.revoked || monthStart(hold.heldAt) !== month) return
    const credits = kind.creditsPerUnit
    const purse = key.account[key.mode]
    if (free(purse) < credits) return
    if (key.cap !== undefined && (key.capMonth !== month || key.capUsed + credits > key.cap)) return
    const { lots, held } = draw(purse, credits)
    for (const [i, lot] of lots.entries()) {
      const at = hold.lots.indexOf(lot)
      if (at >= 0) hold.held[at] = (hold.held[at] ?? 0) + (held[i] ?? 0)
      else {
        hold.lots.push(lot)
        hold.held.push(held[i] ?? 0)
      }
    }
    key.capUsed += credits
    hold.credits += credits
    hold.quantity += kind.quantityPerUnit
    hold.expiresAt = Math.max(hold.expiresAt, now + holdSeconds * 1_000)
    yield record({
      ...ofCall(hold),
      ...{ type: 'HoldExtended', credits, quantity: kind.quantityPerUnit },
      ...{ lots: lots.map(({ lot }) => lot), held },
      payload: `{"holdSeconds":${holdSeconds},"keyVersion":${key.version}}`,
    })
  }

  function takeOpen(): Hold | undefined {
    const at = below(open.length)
    const hold = open[at]
    const last = open.pop()
    if (last && at < open.length) open[at] = last
    // The one that was taken may have expired meanwhile.
    return hold?.resolved ? undefined : hold
  }

  /** A refund gives back to the lots, the last drawn first. */
  function* refund(): Generator<SeededEvent> {
    const at = below(1_000)
    const charge = charges[at]
    if (!charge) return
    delete charges[at]
    const { hold } = charge
    const credits = below(2) === 0 ? charge.credits : 1 + below(charge.credits)
    const lots: number[] = []
    const moved: number[] = []
    let left = credits
    for (let i = hold.lots.length - 1; i >= 0 && left > 0; i--) {
      const back = Math.min(charge.moved[i] ?? 0, left)
      if (back === 0) continue
      const lot = hold.lots[i] as Lot
      lot.free += back
      left -= back
      lots.push(lot.lot)
      moved.push(back)
    }
    if (hold.key.capMonth === monthStart(hold.heldAt) && hold.key.capMonth === month) {
      hold.key.capUsed -= credits
    }
    yield record({
      ...ofCall(hold),
      ...{ type: 'ChargeRefunded', occurredAt: now, credits, lots, moved, actor: 'seed' },
      payload: `{"chargedAt":"${iso(hold.heldAt).slice(0, 23)}000Z"}`,
    })
  }

  function* count(): Generator<SeededEvent> {
    const key = keys[Math.floor(keys.length * random() ** 3)] as Key
    if (!key.enabled || key.revoked) return
    const calls = 1 + below(20)
    yield record({
      ...{ type: 'CallsCounted', accountId: key.account.accountId, keyId: key.keyId },
      ...{ mode: key.mode, endpoint: kinds.free, quantity: calls, actor: `key:${key.keyId}` },
      payload: `{"errors":${below(10) === 0 ? 1 : 0},"latencyMsSum":${calls * (5 + below(20))}}`,
    })
  }

  /** What happens rarely: credits taken away, and the life of keys. */
  function* manage(): Generator<SeededEvent> {
    const key = keys[below(keys.length)] as Key
    if (key.revoked) return
    const verb = below(20)
    if (verb < 4) return yield* adjust(key)
    if (verb < 8) {
      const waiting = disabled.pop()
      if (waiting && !waiting.revoked) {
        waiting.enabled = true
        return yield ofKey(waiting, 'KeyEnabled', {})
      }
      if (!key.enabled) return
      key.enabled = false
      disabled.push(key)
      return yield ofKey(key, 'KeyDisabled', {})
    }
    if (verb < 12) {
      const { hash, display } = secretOf(key.mode)
      const none = { previousHash: null, previousUntil: null }
      return yield ofKey(key, 'KeyRotated', { hash, display, ...none })
    }
    if (verb < 19) {
      key.cap = below(2) === 0 ? undefined : 1_000 + below(100_000)
      return yield ofKey(key, 'KeyLimitsChanged', { monthlyCap: key.cap ?? null, rateLimit: null })
    }
    if (key.account.keys.filter(({ revoked }) => !revoked).length === 1) return
    key.revoked = true
    yield ofKey(key, 'KeyRevoked', {})
  }

  function ofKey(key: Key, type: string, payload: object): SeededEvent {
    key.version++
    const { keyId, mode, version } = key
    const of = { keyId, mode, accountId: key.account.accountId, streamVersion: version }
    return record({ ...of, type, actor: 'seed', payload: canonicalJson(payload) })
  }

  function* adjust({ account, mode }: Key): Generator<SeededEvent> {
    yield* grantAllowance(account, mode)
    const purse = account[mode]
    const credits = Math.min(1 + below(20), free(purse))
    if (credits === 0) return
    const { lots, held } = draw(purse, credits)
    yield record({
      ...{ type: 'CreditsAdjusted', accountId: account.accountId, mode, credits, actor: 'seed' },
      ...{ lots: lots.map(({ lot }) => lot), moved: held, payload: '{}' },
    })
  }

  function secretOf(mode: 'live' | 'test') {
    const prefixes = { live: 'sk_live_', test: 'sk_test_' }
    return mintKey({ prefixes, mode, shard: 0, random: (length) => bytes(random, length) })
  }

  function* next(): Generator<SeededEvent> {
    while ((byAge[oldest] as Hold | undefined)?.resolved) oldest++
    if (oldest > 10_000) byAge.splice(0, oldest)
    if (oldest > 10_000) oldest = 0
    const due = byAge[oldest]
    if (due && now >= due.expiresAt) return yield resolve(due, 'HoldExpired')
    const dice = random()
    if (dice < 0.0005) return yield* manage()
    if (dice < 0.002) return yield* refund()
    if (dice < 0.03) return yield* count()
    if (dice < 0.04) return yield* extend()
    if (dice < 0.52 && open.length < maxOpen) return yield* call()
    const hold = takeOpen()
    // One in a thousand is forgotten, as by a gateway that died, and expires.
    if (!hold || below(1_000) === 0) return
    yield resolve(hold, below(40) === 0 ? 'HoldReleased' : 'HoldSettled')
  }

  for (const event of setUp()) yield event
  while (position < events) {
    now = Math.max(now, Math.floor(from + stepMs * position))
    if (now >= nextMonth) {
      month = monthStart(now)
      nextMonth = monthAfter(now)
    }
    for (const event of next()) {
      yield event
      if (position === events) return
    }
  }
}

function kindsOf(config: Config) {
  const routes = new Set(Object.keys(config.routes))
  const kind = (endpoint: string, units: number, creditsPerUnit: number, more: object = {}) => {
    if (!routes.has(endpoint)) throw new Error(`the configuration has no route ${endpoint}`)
    const base = { endpoint, units, creditsPerUnit, quantityPerUnit: 1, latencyMs: 80 }
    return { ...base, ...more } as CallKind
  }
  return {
    search: kind('search', 1, 1),
    extract: kind('extract', 1, 1, { latencyMs: 300 }),
    bulk: kind('extract-bulk', 20, 1, { latencyMs: 2_000 }),
    tts: kind('tts-synthesize', 3, 1, { quantityPerUnit: 1_000, latencyMs: 900 }),
    stt: kind('stt-transcribe', 6, 10, { quantityPerUnit: 60, latencyMs: 4_000 }),
    free: kind('tts-voices', 1, 1).endpoint,
  }
}

/** Mulberry32: small, and good enough to draw lots. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

function bytes(random: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256))
}

function base36(random: () => number): string {
  return Math.floor(random() * 36 ** 10)
    .toString(36)
    .padStart(10, '0')
}

/** A UUIDv7 of that time. */
function uuid(ms: number, random: () => number): string {
  const hex = (digits: number) =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  const time = ms.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-a${hex(3)}-${hex(6)}${hex(6)}`
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function monthStart(ms: number): number {
  const day = new Date(ms)
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth())
}

function monthAfter(ms: number): number {
  const day = new Date(ms)
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1)
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1
}
