/** Clients who make calls of all kinds, at all gateways, and keep a ledger of what they got. */
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'
import { type CallKind, mixture, search } from './calls.ts'
import { type WireRequest, wireCall } from './client.ts'
import type { FaultGateway } from './gateways.ts'
import type { Random } from './random.ts'
import type { ClientCall } from './records.ts'
import { timeoutMs } from './settings.ts'
import type { World } from './world.ts'

/** No response takes longer, whatever is away; a client who waits longer has got no response. */
export const patienceMs = 15_000

let made = 0

export interface CallOptions {
  readonly leaveAfter?: WireRequest['leaveAfter']
  readonly stall?: WireRequest['stall']
  /** The call is a try of this one. */
  readonly tryOf?: NamedCall
}

/** A call that may be tried again: under one Idempotency-Key, with one body. */
interface NamedCall {
  readonly callId: string
  readonly body: ReturnType<NonNullable<CallKind['body']>> | undefined
}

/** Where clients note their calls, and whose key has the narrow rate limit, if there is one. */
interface Notes {
  readonly calls: ClientCall[]
  readonly cast?: { readonly narrow: TestKey }
}

/** One call, noted from before it is sent. Resolves when the client knows how it ended. */
export async function makeCall(
  notes: Notes,
  gateway: Pick<FaultGateway, 'name' | 'url'>,
  key: TestKey,
  kind: CallKind,
  random: Random,
  { leaveAfter, stall, tryOf }: CallOptions = {},
): Promise<ClientCall> {
  const id = `call-${gateway.name}-${++made}`
  const call: ClientCall = {
    ...{ id, callId: tryOf?.callId ?? id, isNamed: tryOf !== undefined, kind },
    ...{ gateway: gateway.name, keyId: key.keyId, accountId: key.accountId },
    ...{ isNarrow: key === notes.cast?.narrow, sentAtMs: performance.now(), endedAtMs: undefined },
    ...{ status: undefined, requestId: undefined, charged: undefined, code: undefined },
    ...{ whole: false, worth: undefined, degraded: false, left: false, stalled: false },
    ...{ replayed: false, response: undefined, arrived: 0 },
  }
  notes.calls.push(call)
  const body = tryOf ? tryOf.body : kind.body?.(id, random)
  const response = await wireCall(
    gateway.url,
    {
      method: kind.method,
      path: kind.path,
      headers: {
        'X-API-Key': key.text,
        ...(body ? { 'Content-Type': body.contentType } : {}),
        ...(tryOf ? { 'Idempotency-Key': `named-${tryOf.callId}` } : {}),
      },
      ...(body ? { body: body.bytes } : {}),
      ...(leaveAfter ? { leaveAfter } : {}),
      ...(stall ? { stall } : {}),
    },
    patienceMs,
  )
  const charged = response.headers.get('x-credits-charged')
  const isGood = response.whole && response.status !== undefined && response.status < 300
  Object.assign(call, {
    endedAtMs: performance.now(),
    status: response.status,
    requestId: response.headers.get('x-request-id'),
    charged: charged === undefined ? undefined : Number(charged),
    whole: response.whole,
    left: response.left,
    stalled: response.stalled,
    degraded: response.headers.has('x-ratelimit-degraded'),
    replayed: response.headers.has('idempotent-replayed'),
    arrived: response.status === 200 ? (kind.arrived?.(response.body) ?? 0) : 0,
    response: isGood && tryOf ? String(Bun.hash(response.body)) : undefined,
    worth: isGood ? kind.worth?.(response.body) : undefined,
    code: response.whole && !isGood ? codeOf(response.body) : undefined,
  })
  return call
}

/**
 * A call of a careful client, who names it and tries again, at any gateway, until it is known what came of it.
 * What is not known after a few tries is tried once more when the auditor asks.
 */
async function carefulCall(world: World, key: TestKey, kind: CallKind, random: Random) {
  const callId = `call-careful-${++made}`
  const tryOf: NamedCall = { callId, body: kind.body?.(callId, random) }
  const attempt = () =>
    makeCall(world, random.pick(world.fleet.active), key, kind, random, { tryOf })
  for (let tries = 0; ; tries++) {
    const call = await attempt()
    if (isKnown(call)) return call
    if (tries === 3) {
      world.unfinished.push(attempt)
      return call
    }
    await Bun.sleep(15)
  }
}

/** Whether the client knows what came of the call, so that trying again would be of no use. */
function isKnown({ status, code, whole }: ClientCall): boolean {
  if (status === undefined || !whole) return false
  return status < 500 && code !== 'idempotency_in_progress'
}

export interface Load {
  /** How long a client rests between two calls, at most, in milliseconds. */
  restMs: number
  /** Resolves when this many calls, or this many more, have ended in this load. */
  calls(count: number): Promise<void>
  /** Lets calls under way end, and makes no more until `work` is done. */
  rest<T>(work: () => Promise<T>): Promise<T>
  /** Lets calls under way end, and makes no more. */
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly kinds?: readonly CallKind[]
  /** How often clients leave in the middle, and of what; either by default. */
  readonly leaving?: number
  readonly leavingIn?: 'request' | 'response'
  /** How often clients stop reading for a while, which is longer than an upstream may take. */
  readonly stalling?: number
  /** How often clients name their calls, and try them again. */
  readonly careful?: number
  /** How often the account with the narrow rate limit calls. */
  readonly narrow?: number
}

const clients = 10
/** How many calls of a busy key come at once, so that a lease is taken for them; repeated after so many milliseconds. */
export const atOnce = 14
const burstsRestMs = 100

export function startLoad(world: World, random: Random, options: LoadOptions = {}): Load {
  const { kinds = mixture, leaving = 0.03, leavingIn, stalling = 0 } = options
  const { narrow = 0.1, careful = 0.2 } = options
  let stopped = false
  let ended = 0
  let underWay = 0
  let resting: Promise<void> | undefined

  /** Makes calls again and again, unless all rest. */
  async function repeat(calls: () => Promise<void>): Promise<void> {
    while (!stopped) {
      while (resting) await resting
      underWay++
      await calls().finally(() => underWay--)
    }
  }

  async function client(): Promise<void> {
    const kind = random.pick(kinds)
    const key = pickKey(world, random, narrow)
    const isCareful = random.chance(careful) && kind.worth && key !== world.cast.narrow
    const call = isCareful
      ? await carefulCall(world, key, kind, random)
      : await plainCall(key, kind)
    ended++
    // A gateway that is gone refuses at once: clients do not make a storm of it.
    await Bun.sleep(call.status === undefined ? 20 : random.int(0, load.restMs))
  }

  /** One of a key that every gateway finds busy, as is now and then one that is disabled and revoked. */
  async function busyClient(): Promise<void> {
    const { busy, changing } = world.cast
    const key = random.chance(0.8) ? busy : changing
    const gateway = random.pick(world.fleet.active)
    const calls = await burst(world, gateway, key, random.pick(kinds), random)
    const isGone = calls.every(({ status }) => status === undefined)
    await Bun.sleep(isGone ? 10 * burstsRestMs : random.int(burstsRestMs / 2, burstsRestMs))
  }

  function plainCall(key: TestKey, kind: CallKind): Promise<ClientCall> {
    const gateway = random.pick(world.fleet.active)
    const inRequest = leavingIn ? leavingIn === 'request' : random.chance(0.5)
    const leaveAfter = inRequest
      ? { sent: random.int(1, 400) }
      : { received: random.int(1, 120_000) }
    const leaves = random.chance(leaving)
    const stall = { received: random.int(1, 500_000), ms: timeoutMs + random.int(200, 1_000) }
    const stalls = stalling > 0 && random.chance(stalling)
    return makeCall(world, gateway, key, kind, random, {
      ...(leaves && { leaveAfter }),
      ...(stalls && { stall }),
    })
  }

  const load: Load = {
    restMs: 6,
    async calls(count) {
      const enough = ended + count
      await until(() => ended >= enough, 60_000)
    },
    async rest(work) {
      const { promise, resolve } = Promise.withResolvers<void>()
      resting = promise
      try {
        await until(() => underWay === 0, 60_000)
        return await work()
      } finally {
        resolve()
        resting = undefined
      }
    },
    async stop() {
      stopped = true
      await all
    },
  }
  const all = Promise.all([
    repeat(busyClient),
    ...Array.from({ length: clients }, () => repeat(client)),
  ])
  return load
}

/** Calls of a key all at once. */
export function burst(
  world: World,
  gateway: FaultGateway,
  key: TestKey,
  kind: CallKind,
  random: Random,
): Promise<ClientCall[]> {
  return Promise.all(
    Array.from({ length: atOnce }, () => makeCall(world, gateway, key, kind, random)),
  )
}

/**
 * Asks every gateway until it sells; returns how long the last of them took, in milliseconds.
 * @throws when one does not within the time
 */
export async function untilAllSell(
  world: World,
  random: Random,
  withinMs = 20_000,
): Promise<number> {
  const begunAtMs = performance.now()
  const [key] = world.cast.wide as [TestKey]
  const sells = async (gateway: FaultGateway) =>
    (await makeCall(world, gateway, key, search, random)).status === 200
  await Promise.all(
    world.fleet.active.map((gateway) =>
      until(() => sells(gateway), withinMs).catch(() => {
        throw new Error(`${gateway.name} does not sell within ${withinMs} ms`)
      }),
    ),
  )
  return performance.now() - begunAtMs
}

function pickKey({ cast }: World, random: Random, narrow: number): TestKey {
  if (random.chance(narrow)) return cast.narrow
  const often = random.int(1, 20)
  if (often <= 2) return cast.tight
  if (often <= 6) return cast.capped
  if (often <= 8) return cast.changing
  return random.pick(cast.wide)
}

function codeOf(body: Buffer): string | undefined {
  try {
    return JSON.parse(body.toString()).code
  } catch {
    return undefined
  }
}
