/** What happens in a run: a list of actions, made from the seed. What fails is shortened by leaving actions out. */
import { type Random, seeded } from '../faults/random.ts'

export interface Plan {
  readonly seed: number
  readonly gateways: number
  readonly accounts: readonly AccountPlan[]
  /** By time. */
  readonly actions: readonly Action[]
}

export interface AccountPlan {
  /** One of shop.ts. */
  readonly plan: string
  readonly granted: number
}

/** When it happens, on the world's clock. Numbers of gateways, accounts and so on count from 0, modulo how many there are. */
export type Action = { readonly atMs: number } & (CallAction | FaultAction | OtherAction)

export interface CallAction {
  readonly do: 'call'
  readonly gateway: number
  readonly account: number
  readonly route: 'say' | 'tiered' | 'chat'
  readonly upstreamMs: number
  readonly outcome: 'ok' | 'fails' | 'breaks-off'
  /** Events of a stream. */
  readonly tokens: number
  /** Calls with the same one are retries of one call. */
  readonly claim?: number
  /** The client leaves then. */
  readonly leavesAfterMs?: number
}

export type NetworkFault =
  /** Statements, or their replies, are lost with the connection. */
  | 'lose-requests'
  | 'lose-replies'
  /** A statement is decided, its connection is lost, and it is decided again later. */
  | 'decide-twice'
  | 'slow'
  /** Nothing comes through before it is over. */
  | 'silent'
  | 'refuse'
  /** The server refuses, for a reason that passes. */
  | 'busy'

/** At once, or as soon as the ledger has decided the gateway's next hold or charge, and before the gateway knows. */
export type Moment = 'now' | 'held' | 'charged'

export type FaultAction =
  | {
      readonly do: 'network'
      readonly gateway: number
      readonly fault: NetworkFault
      readonly forMs: number
    }
  /** A command whose result cannot be read (undecodable), or that cannot be decided (refused with this code). */
  | { readonly do: 'poison'; readonly gateway: number; readonly as: 'undecodable' | string }
  | {
      readonly do: 'stop'
      readonly gateway: number
      readonly when: Moment
      readonly forMs: number
    }
  /** A new one is started in its place. */
  | { readonly do: 'kill'; readonly gateway: number; readonly when: Moment }
  | { readonly do: 'ledger-down'; readonly forMs: number }
  | { readonly do: 'put-back'; readonly transactions: number }
  | { readonly do: 'forget-producers' }
  /** The ledger's clock is off by so much for a while, or in a single reading. */
  | { readonly do: 'ledger-clock'; readonly shiftMs: number; readonly forMs: number }
  | { readonly do: 'misread-clock'; readonly shiftMs: number }
  | {
      readonly do: 'gateway-clock'
      readonly gateway: number
      readonly shiftMs: number
      readonly forMs: number
    }
  /** A batch that was sent before is sent again by another producer. */
  | { readonly do: 'send-as-another'; readonly pick: number }

type OtherAction =
  /** Customers ask for every charge back whose delivery they do not know. */
  | { readonly do: 'ask-back'; readonly gateway: number }
  | { readonly do: 'grant'; readonly account: number; readonly credits: number }
  | { readonly do: 'adjust'; readonly account: number; readonly credits: number }
  | { readonly do: 'revoke'; readonly account: number }
  /** A daily budget, in a zone whose day turns soon or does not. */
  | {
      readonly do: 'budget'
      readonly account: number
      readonly credits: number
      readonly timeZone: string
    }

/** Calls come within this time; faults are over some seconds later. */
const busyMs = 6_000

export function planOf(seed: number): Plan {
  const random = seeded(seed)
  const gateways = random.pick([1, 2, 2, 3])
  const accounts = Array.from({ length: random.int(1, 3) }, () => accountOf(random))
  const faults = Array.from({ length: random.pick([0, 1, 1, 2, 2, 3]) }, () => faultsOf(random))
  const actions = [...callsOf(random), ...faults.flat(), ...othersOf(random, faults.flat())]
  return { seed, gateways, accounts, actions: actions.sort((a, b) => a.atMs - b.atMs) }
}

function accountOf(random: Random): AccountPlan {
  return {
    plan: random.pick(['small', 'small', 'large', 'large', 'largest']),
    granted: random.pick([0, 0, 20, 1_000]),
  }
}

function callsOf(random: Random): Action[] {
  const spread = Array.from({ length: random.int(4, 16) }, () => callOf(random, time(random)))
  if (random.chance(0.8)) return spread
  // A busy key, which gets a lease.
  const atMs = time(random)
  const route = random.pick(['say', 'say', 'tiered'] as const)
  const busy = { ...callOf(random, atMs), route, outcome: 'ok' as const }
  const burst = Array.from({ length: random.int(12, 30) }, () => ({
    ...{ ...busy, atMs: atMs + random.int(0, 150), upstreamMs: random.int(5, 300) },
  }))
  return [...spread, ...burst]
}

function callOf(random: Random, atMs: number): Action & CallAction {
  const route = random.pick(['say', 'say', 'tiered', 'chat'] as const)
  return {
    ...{ do: 'call', atMs, gateway: random.int(0, 5), account: random.int(0, 5), route },
    upstreamMs: random.pick([1, 20, 100, 400]),
    outcome: random.pick(['ok', 'ok', 'ok', 'ok', 'fails', 'breaks-off'] as const),
    tokens: random.int(1, 40),
    ...(route !== 'chat' && random.chance(0.15) && { claim: random.int(0, 2) }),
    ...(random.chance(0.1) && { leavesAfterMs: random.int(1, 500) }),
  }
}

function faultsOf(random: Random): Action[] {
  const atMs = time(random)
  const gateway = random.int(0, 5)
  const forMs = random.pick([200, 1_000, 4_000, 12_000])
  switch (random.int(0, 10)) {
    case 0:
      return [{ do: 'kill', atMs, gateway, when: random.pick(moments) }]
    case 1:
    case 2: {
      const when = random.pick(moments)
      return [{ do: 'stop', atMs, gateway, when, forMs: random.pick([200, 4_000, 14_000, 14_000]) }]
    }
    case 3:
      return [{ do: 'ledger-down', atMs, forMs: Math.min(forMs, 4_000) }]
    case 4:
      return [{ do: 'put-back', atMs, transactions: random.int(1, 6) }]
    case 5:
      return [{ do: 'forget-producers', atMs }]
    case 6:
      return Array.from({ length: random.int(1, 3) }, () => ({
        ...{ do: 'send-as-another', atMs: time(random), pick: random.int(0, 100) },
      }))
    case 7:
      return [{ do: 'poison', atMs, gateway, as: random.pick(poisons) }]
    case 8:
      return [{ atMs, ...clockFaultOf(random, gateway, forMs) }]
    default:
      return [{ do: 'network', atMs, gateway, fault: random.pick(networkFaults), forMs }]
  }
}

function clockFaultOf(random: Random, gateway: number, forMs: number): FaultAction {
  switch (
    random.pick(['ledger-clock', 'ledger-clock', 'misread-clock', 'gateway-clock'] as const)
  ) {
    case 'ledger-clock':
      return { do: 'ledger-clock', shiftMs: random.pick([40 * dayMs, hourMs, -hourMs]), forMs }
    case 'misread-clock':
      return { do: 'misread-clock', shiftMs: 40 * dayMs }
    case 'gateway-clock':
      // By another hour than the ledger's: clocks that agree are believed.
      return {
        do: 'gateway-clock',
        gateway,
        shiftMs: random.pick([2 * hourMs, -2 * hourMs]),
        forMs,
      }
  }
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const moments: readonly Moment[] = ['now', 'held', 'charged', 'charged']

const networkFaults: readonly NetworkFault[] = [
  ...(['lose-requests', 'lose-replies', 'decide-twice', 'slow', 'silent'] as const),
  ...(['refuse', 'busy'] as const),
]

/** A value that cannot be read, numbers out of range, a broken constraint, an error of the server's own. */
const poisons = ['undecodable', 'undecodable', '22003', '23514', 'XX000']

function othersOf(random: Random, faults: readonly Action[]): Action[] {
  const others: Action[] = []
  if (random.chance(0.3))
    others.push({ do: 'ask-back', atMs: busyMs * 2, gateway: random.int(0, 5) })
  const isStopped = faults.some((action) => action.do === 'stop' && action.forMs > 10_000)
  if (random.chance(isStopped ? 0.7 : 0.05)) {
    // Whoever asks all the time harvests every stall.
    for (let atMs = 1_000; atMs < 3.5 * busyMs; atMs += 1_000) {
      others.push({ do: 'ask-back', atMs, gateway: random.int(0, 5) })
    }
  }
  const account = random.int(0, 5)
  if (random.chance(0.2)) {
    others.push({ do: 'grant', atMs: time(random), account, credits: random.int(1, 50) })
  }
  if (random.chance(0.2)) {
    others.push({ do: 'adjust', atMs: time(random), account, credits: random.int(1, 60) })
  }
  if (random.chance(0.1)) others.push({ do: 'revoke', atMs: time(random), account })
  if (random.chance(0.3)) {
    const timeZone = random.pick(['UTC', 'Europe/Berlin', 'Asia/Tokyo'])
    const set = { do: 'budget', account: random.int(0, 5), timeZone } as const
    others.push({ ...set, atMs: random.pick([0, time(random)]), credits: random.int(0, 60) })
    if (random.chance(0.5)) others.push({ ...set, atMs: time(random), credits: random.int(0, 200) })
  }
  return others
}

function time(random: Random): number {
  return random.int(0, busyMs)
}
