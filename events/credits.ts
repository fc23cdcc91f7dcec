/**
 * The credits stream: every movement of credits. How an event moves lots stands in its columns: what `lots[i]` holds
 * changes by `held[i]`, and `moved[i]` is added to what the type moves (settled, refunded or adjusted credits). A lot is
 * named by the position of its CreditsGranted.
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

/** Credits are taken away. `credits` is what could be taken, and `moved` how much of each lot. */
export const CreditsAdjusted = Type.Object({
  externalId: Type.Optional(Type.String()),
  /** The credits repay a debt, out of a new lot. */
  repaysDebt: Type.Optional(Type.Boolean()),
})

/** What an adjustment could not take, and is taken from the next lot. */
export const DebtRecorded = Type.Object({ externalId: Type.Optional(Type.String()) })

/**
 * `credits` is the upper bound of what the call costs, and `held` how much of it each lot gives. A lease, which is for
 * calls to come, has `slots` (how many of them may run on it at once) and neither endpoint nor quantity. The event that
 * ends a lease has the same slots.
 */
export const CreditsHeld = Type.Object({
  keyVersion: Type.Integer(),
  holdSeconds: Type.Integer(),
  /** The call's idempotency claim: its Idempotency-Key and its request, as hashes under the account's own key. */
  claim: Type.Optional(Type.String()),
  requestHash: Type.Optional(Type.String()),
})

/** `credits` and `quantity` are what is added. Both may be 0: the hold then only lasts longer. */
export const HoldExtended = Type.Object({ keyVersion: Type.Integer(), holdSeconds: Type.Integer() })

/**
 * A charge. `credits` is what the call cost; the rest of its hold is free again. A call on a lease is charged at once:
 * `moved` comes out of free credits, and the lease stays as it was.
 */
export const HoldSettled = Type.Object({
  /** The lease that the call ran on, and the version that the call's key had when it was charged. */
  lease: Type.Optional(Type.String()),
  keyVersion: Type.Optional(Type.Integer()),
  /** Credits that the call cost beyond its hold. They are never charged. */
  shortfall: Type.Optional(Type.Integer({ minimum: 1 })),
  /**
   * What ended the response before its end: the client left, the upstream broke it off, or the hold could not be
   * extended.
   */
  terminatedBy: Type.Optional(
    Type.Union([Type.Literal('client'), Type.Literal('upstream'), Type.Literal('hold')]),
  ),
})

/** A call is not charged, or a lease is given back. */
export const HoldReleased = Type.Object({
  reason: Type.String(),
  /** The lease that the call ran on. It stays as it was, so the event moves nothing. */
  lease: Type.Optional(Type.String()),
})

/** A hold whose gateway did not resolve it in time is free again. */
export const HoldExpired = Type.Object({})

export const ChargeRefunded = Type.Object({
  /** The charge's own time: a key's monthly cap gets back only what was charged in the same month. */
  chargedAt: Time,
  externalId: Type.Optional(Type.String()),
})

/** Calls of price 0 of one key and route over a few seconds. `quantity` is their number. */
export const CallsCounted = Type.Object({
  errors: Type.Integer({ minimum: 0 }),
  latencyMsSum: Type.Integer({ minimum: 0 }),
})

/**
 * What a key did in a day at an endpoint of the service that Tollbook replaced, in that service's own words: `credits` is
 * what it charged, and `quantity` the number of calls. It is part of usage, and counts in no balance, cap or statement,
 * because those begin with this ledger.
 */
export const UsageImported = Type.Object({
  errors: Type.Integer({ minimum: 0 }),
  latencyMsSum: Type.Integer({ minimum: 0 }),
})
