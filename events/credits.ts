/**
 * The credits stream: every movement of credits. How an event moves lots stands in its columns:
 * `lots[i]`'s held credits change by `held[i]`, and `moved[i]` is added to what the type counts
 * (settled, refunded, adjusted). A lot is named by the position of its CreditsGranted.
 */
import { Type } from '@sinclair/typebox'
import { Time } from './time.ts'

export const CreditsGranted = Type.Object({
  kind: Type.Union([Type.Literal('allowance'), Type.Literal('paid'), Type.Literal('promotional')]),
  startsAt: Time,
  expiresAt: Type.Optional(Time),
  externalId: Type.Optional(Type.String()),
  paid: Type.Optional(
    Type.Object({ minorUnits: Type.Integer({ minimum: 0 }), currency: Type.String() }),
  ),
})

/** Credits taken away; `credits` is what could be taken (`moved` per lot). */
export const CreditsAdjusted = Type.Object({
  externalId: Type.Optional(Type.String()),
  /** Set when a debt is taken from a new lot. */
  repaysDebt: Type.Optional(Type.Boolean()),
})

/** What an adjustment could not take; taken from the next lot. */
export const DebtRecorded = Type.Object({ externalId: Type.Optional(Type.String()) })

/**
 * `credits` is the upper bound; `held` says how much of it each lot gives. A lease, which is for calls to come, has `slots`
 * (how many calls may run on it at once) and neither endpoint nor quantity; so has the event that ends it.
 */
export const CreditsHeld = Type.Object({
  keyVersion: Type.Integer(),
  holdSeconds: Type.Integer(),
  /** The call's Idempotency-Key and what it was bound to, as hashes under the account's own key. */
  claim: Type.Optional(Type.String()),
  requestHash: Type.Optional(Type.String()),
})

/** `credits` and `quantity` are what is added, which may be nothing: the hold then only lives longer. */
export const HoldExtended = Type.Object({ keyVersion: Type.Integer(), holdSeconds: Type.Integer() })

/**
 * `credits` is what was used; the rest of the hold is free again. A call that ran on a lease is charged at once: `moved`
 * comes from what was free, and the lease stays as it was.
 */
export const HoldSettled = Type.Object({
  /** The lease that the call ran on, and the version of the key that it was sold by. */
  lease: Type.Optional(Type.String()),
  keyVersion: Type.Optional(Type.Integer()),
  /** Credits that the call cost beyond its hold: never charged, but said. */
  shortfall: Type.Optional(Type.Integer({ minimum: 1 })),
  /** What ended the answer before its end: the client left, the service broke off, the hold could not be extended. */
  terminatedBy: Type.Optional(
    Type.Union([Type.Literal('client'), Type.Literal('upstream'), Type.Literal('hold')]),
  ),
})
export const HoldReleased = Type.Object({
  reason: Type.String(),
  /** The lease that the call ran on, which stays: the event moves nothing. */
  lease: Type.Optional(Type.String()),
})
export const HoldExpired = Type.Object({})
export const ChargeRefunded = Type.Object({
  /** The charge's own time: a key's monthly cap gets back only what was charged in the same month. */
  chargedAt: Time,
  externalId: Type.Optional(Type.String()),
})

/** Calls of price 0 of one key and route over a few seconds; their number is in `quantity`. */
export const CallsCounted = Type.Object({
  errors: Type.Integer({ minimum: 0 }),
  latencyMsSum: Type.Integer({ minimum: 0 }),
})

/**
 * What a key did in a day at an endpoint of the service that this ledger took over from: an opening figure,
 * in that service's own words. `credits` is what it charged and `quantity` the number of calls. It is shown
 * in usage, and counts in no balance, cap or statement: those begin with the ledger.
 */
export const UsageImported = Type.Object({
  errors: Type.Integer({ minimum: 0 }),
  latencyMsSum: Type.Integer({ minimum: 0 }),
})
