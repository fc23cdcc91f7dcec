/** Call commands, which a gateway sends to the ledger for its calls, and what the ledger gives back for each. */
import type { Counted } from '../../../events/counted.ts'
import type { Mode } from '../../../events/event.ts'

/** What every command about a hold says. */
interface HoldRef {
  /**
   * Names the hold, and the call that it is for. The gateway makes it, so a command can be sent again. Each is opened once, by a
   * hold, a lease or the end of a call on a lease. It is a UUIDv7 with about the ledger's time, see newRequestId.
   */
  readonly requestId: string
  readonly accountId: string
  readonly keyId: string
  readonly mode: Mode
  /** Hash of the tariff that prices the call. */
  readonly tariff: string
  /** The plan that prices it, where the plan has prices of its own. */
  readonly plan?: string | undefined
  readonly actor: string
}

interface CallRef extends HoldRef {
  readonly endpoint: string
  /**
   * The price has tiers, so `credits` are the most that the call can cost, and the ledger says what it costs. `component`: the name
   * of what has them; absent where the price has no other.
   */
  readonly tiered?: { readonly component?: string | undefined } | undefined
}

/** What the ledger decides a purchase by. */
interface Purchase {
  /** The versions of key and account that the gateway decided by. */
  readonly keyVersion: number
  readonly accountVersion: number
  /** The client sent the secret from before a rotation, which is still good for a while. */
  readonly previousSecret: boolean
  readonly credits: number
}

/** Reserves the upper bound of a call's price before the call runs. */
export interface Hold extends CallRef, Purchase, Counted {
  readonly kind: 'hold'
  /** After this many seconds from now any gateway may expire the hold. */
  readonly holdSeconds: number
  /** The call's Idempotency-Key. */
  readonly claim?: Claim
}

/**
 * Reserves credits and slots for calls to come, of whatever endpoint. As many calls run on the lease at once as it has
 * slots. Each of them ends with a ChargeOnLease or a VoidOnLease.
 */
export interface LeaseHold extends HoldRef, Purchase {
  readonly kind: 'lease'
  readonly slots: number
  readonly holdSeconds: number
}

/** An Idempotency-Key and the request that it is bound to, both as hashes. */
export interface Claim {
  readonly key: string
  readonly requestHash: string
}

/**
 * Adds credits to an open hold. The key must be allowed to buy, as for a hold. The price and the month stay those of the
 * hold. `credits` may be 0: then the hold only lives longer. It says what the client was sent so far, which is charged if
 * the hold expires.
 */
export interface Extend extends CallRef, Purchase {
  readonly kind: 'extend'
  /** What is added. */
  readonly quantity: number
  /** Counted from now. An extension never shortens a hold's life. */
  readonly holdSeconds: number
  /** What was sent so far, of all that the hold covers. Absent where nothing that is sold was sent. */
  readonly sent?: Sent
}

/** What a client was sent of a call, and what that costs: at most what is held. */
export interface Sent extends Counted {
  readonly credits: number
}

/**
 * Charges a call that ran on a lease. It is decided like a hold, by the key as it is now, and takes free credits, not
 * those of the lease. The lease must be open and stays as it is.
 */
export interface ChargeOnLease extends CallRef, Purchase, Counted {
  readonly kind: 'charge_on_lease'
  /** The `requestId` of the lease. */
  readonly lease: string
  readonly status: number
  readonly latencyMs: number
  /** Credits that the call cost beyond what it had reserved. */
  readonly shortfall?: number
}

/** Why a call is not charged, or a lease ends. claim_verdict decides by them whether a retry may run. */
export type ReleaseReason =
  /** The upstream did not do the work, or said so itself. */
  | 'upstream_unreachable'
  | 'upstream_busy'
  | 'refused_by_upstream'
  | 'not_successful'
  /** The upstream failed. Its status says whether it may have done the work. */
  | 'upstream_failed'
  /** The upstream may have done the work. */
  | 'upstream_timeout'
  | 'upstream_broke_off'
  /** The client did not send the whole body: the upstream got a part of it, and no whole request. */
  | 'request_broke_off'
  /** The gateway refused the request when it had read its files: the upstream got nothing. */
  | 'request_refused'
  /** The ledger granted the hold after its gateway had given up: no call ran on it. */
  | 'append_timed_out'
  /** The upstream did the work, and the ledger does not sell it any more. */
  | 'rejected_after_upstream'
  /** The ledger did not say whether it wrote the charge. */
  | 'settlement_failed'
  | 'gateway_stopped'
  | 'gateway_failed'
  /** A lease is not needed any more. */
  | 'lease_released'

/** Says that a call which ran on a lease is not charged. */
export interface VoidOnLease extends CallRef {
  readonly kind: 'void_on_lease'
  /** The `requestId` of the lease. */
  readonly lease: string
  /** What the call was for. */
  readonly quantity: number
  readonly reason: ReleaseReason
  readonly status?: number
  readonly latencyMs: number
}

/** What ended a call's response before its end, when the call was settled all the same. `gateway`: it died or hung. */
export type TerminatedBy = 'client' | 'upstream' | 'hold' | 'gateway'

/** Charges what was used; the rest of the hold is free again. */
export interface Settle extends CallRef, Counted {
  readonly kind: 'settle'
  readonly credits: number
  /** Status of the upstream's response. */
  readonly status: number
  readonly latencyMs: number
  readonly shortfall?: number
  readonly terminatedBy?: TerminatedBy
  /** What is charged has left the gateway, but for a last part at most. */
  readonly alreadyDelivered?: true
}

/** Frees a hold uncharged: a call did not succeed, or a lease is not needed any more. */
export interface Release extends HoldRef {
  readonly kind: 'release'
  /** null: of a lease. */
  readonly endpoint: string | null
  readonly reason: ReleaseReason
  readonly status?: number
  readonly latencyMs: number
}

/** Frees a hold whose time is over. Where an extension said that something was sent, that is charged. */
export interface Expire extends HoldRef {
  readonly kind: 'expire'
  /** null: of a lease. */
  readonly endpoint: string | null
}

/** Calls of price 0 of one key and route. */
export interface Count extends Omit<CallRef, 'requestId' | 'tariff'> {
  readonly kind: 'count'
  readonly calls: number
  readonly errors: number
  readonly latencyMsSum: number
}

/** Calls of one key and route that were refused for one reason, before anything was held for them. */
export interface CountRefused extends Omit<CallRef, 'requestId' | 'tariff'> {
  readonly kind: 'count_refused'
  readonly calls: number
  /** The code of the refusal. */
  readonly reason: string
}

export type CallCommand =
  | Hold
  | LeaseHold
  | Extend
  | ChargeOnLease
  | VoidOnLease
  | Settle
  | Release
  | Expire
  | Count
  | CountRefused

export const refusalVerdicts = [
  'stale_key',
  'stale_tariff',
  'stale_plan',
  'key_revoked',
  'key_disabled',
  'key_expired',
  'account_frozen',
  'concurrency_exceeded',
  'key_cap_reached',
  'insufficient_credits',
  'budget_exceeded',
  'amount_out_of_range',
  'hold_not_open',
  'hold_not_due',
  'exceeds_hold',
  'duplicate_request',
  'request_out_of_time',
  'replay',
  'in_progress',
  'mismatch',
  'outcome_unknown',
] as const

/** `resumed`: accepted, for a call whose work is done and whose response is stored already. */
export type Verdict = 'ok' | 'resumed' | (typeof refusalVerdicts)[number]

const verdicts: ReadonlySet<string> = new Set(['ok', 'resumed', ...refusalVerdicts])

export function isVerdict(text: string): text is Verdict {
  return verdicts.has(text)
}

/** The budget that refuses a purchase, for longest where several do. */
export interface ExceededBudget {
  /** As events name it: `group team-a day Europe/Berlin`. */
  readonly name: string
  readonly credits: number
  /** When its span ends. */
  readonly endsAt: Date
}

/** What the ledger decided about one command. */
export interface CommandResult {
  readonly verdict: Verdict
  /** Where the event stands; for a refusal, the position it was decided at. */
  readonly position: number
  /** What an accepted command of a price with tiers costs: what is held, or charged. */
  readonly credits?: number
  /** Credits then available; for key_cap_reached and budget_exceeded, what the cap or the budget still allows. */
  readonly available: number
  /** With budget_exceeded. */
  readonly exceeded?: ExceededBudget
}

/** What the ledger gives back for one command. */
export interface AppendResult extends CommandResult {
  readonly shard: number
  readonly recordedAt: Date
  /** When the command was first sent, on the monotonic clock. */
  readonly sentAtMs: number
}
