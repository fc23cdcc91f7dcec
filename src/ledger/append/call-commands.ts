/** What a call asks of the ledger, and what the ledger answers. */
import type { Mode } from '../../../events/event.ts'

interface CallRef {
  /** Names the call and its hold; made by the gateway, so that asking again is safe. */
  readonly requestId: string
  readonly accountId: string
  readonly keyId: string
  readonly mode: Mode
  readonly endpoint: string
  /** Hash of the tariff that prices the call. */
  readonly tariff: string
  readonly actor: string
}

/** To buy is to hold: what a hold and its extension are decided by. */
interface Purchase extends CallRef {
  /** The versions of key and account that the gateway decided by. */
  readonly keyVersion: number
  readonly accountVersion: number
  /** The client showed the secret from before a rotation, in its grace. */
  readonly previousSecret: boolean
  readonly credits: number
  readonly quantity: number
  /** After this many seconds from now any gateway may expire the hold; an extension never shortens. */
  readonly holdSeconds: number
}

/**
 * Asks for an upper bound of a call's price before the call runs. At the endpoint `anyEndpoint` it is a
 * standing hold: for `quantity` calls at once, which run on it one after another and each buy at their end.
 */
export interface Hold extends Purchase {
  readonly kind: 'hold'
  /** The call's Idempotency-Key. */
  readonly claim?: Claim
}

/** An Idempotency-Key and the request that it is bound to, both as hashes. */
export interface Claim {
  readonly key: string
  readonly requestHash: string
}

/**
 * Adds to an open hold, which is to buy: the key must be one that may, as for a hold. The hold's price and
 * month stay what they were. `credits` may be 0: the hold then only lives longer.
 */
export interface Extend extends Purchase {
  readonly kind: 'extend'
}

/** The endpoint of a standing hold, which is for no route. No route is called so. */
export const anyEndpoint = '*'

/**
 * Buys and pays a call that ran on a standing hold, in one: decided like a hold, by the key as it is now, from
 * what is free. The standing hold must be open and stays as it is.
 */
export interface ChargeOnLease extends Omit<Purchase, 'holdSeconds'> {
  readonly kind: 'charge_on_lease'
  /** Names the standing hold. */
  readonly hold: string
  readonly status: number
  readonly latencyMs: number
}

/** Says that a call which ran on a standing hold is not charged. */
export interface VoidOnLease extends CallRef {
  readonly kind: 'void_on_lease'
  readonly hold: string
  /** What it was for. */
  readonly quantity: number
  readonly reason: string
  readonly status?: number
  readonly latencyMs: number
}

/** Why a call was settled before its answer's end. */
export type TerminatedBy = 'client' | 'upstream' | 'hold'

/** Charges what was used; the rest of the hold is free again. */
export interface Settle extends CallRef {
  readonly kind: 'settle'
  readonly credits: number
  readonly quantity: number
  /** Status of the upstream's answer. */
  readonly status: number
  readonly latencyMs: number
  readonly shortfall?: number
  readonly terminatedBy?: TerminatedBy
  /** What is charged was sent already, whatever becomes of this: not written, only known to the gateway. */
  readonly alreadyDelivered?: true
}

/** Frees a hold uncharged, because the call did not succeed. */
export interface Release extends CallRef {
  readonly kind: 'release'
  readonly reason: string
  readonly status?: number
  readonly latencyMs: number
}

/** Frees a hold whose time is over. */
export interface Expire extends CallRef {
  readonly kind: 'expire'
}

/** Calls of price 0 of one key and route. */
export interface Count extends Omit<CallRef, 'requestId' | 'tariff'> {
  readonly kind: 'count'
  readonly calls: number
  readonly errors: number
  readonly latencyMsSum: number
}

export type CallCommand =
  | Hold
  | Extend
  | ChargeOnLease
  | VoidOnLease
  | Settle
  | Release
  | Expire
  | Count

export const refusalVerdicts = [
  'stale_key',
  'stale_tariff',
  'key_revoked',
  'key_disabled',
  'key_expired',
  'account_frozen',
  'concurrency_exceeded',
  'key_cap_reached',
  'insufficient_credits',
  'hold_not_open',
  'hold_not_due',
  'exceeds_hold',
  'replay',
  'in_progress',
  'mismatch',
  'outcome_unknown',
] as const

/** `resumed`: accepted, for a call whose work is done and whose answer is stored already. */
export type Verdict = 'ok' | 'resumed' | (typeof refusalVerdicts)[number]

/** The ledger's answer to one item. */
export interface Answer {
  readonly verdict: Verdict
  readonly shard: number
  /** Where the event stands; for a refusal, the position it was decided at. */
  readonly position: number
  /** Credits then available; for key_cap_reached, what the cap still allows. */
  readonly available: number
  readonly recordedAt: Date
}

/** The ledger cannot be reached in time: nothing was decided, and nothing may be served. */
export class LedgerUnavailable extends Error {
  override readonly name = 'LedgerUnavailable'
  /** It was on its way to the ledger, which may write it yet: sent anew, it could stand there twice. */
  readonly mayBeWritten: boolean

  constructor(message: string, options: ErrorOptions & { readonly mayBeWritten?: boolean } = {}) {
    super(message, options)
    this.mayBeWritten = options.mayBeWritten ?? false
  }
}
