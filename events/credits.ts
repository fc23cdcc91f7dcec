/**
 * The credits stream: every movement of credits. How an event moves lots stands in its columns: what `lots[i]` holds
 * changes by `held[i]`, and `moved[i]` is added to what the type moves (settled, refunded, adjusted or lapsed credits). A lot
 * is named by the position of its CreditsGranted.
 */
import { Type } from '@sinclair/typebox'
import { maxAmount } from './bounds.ts'
import { Spans } from './budget.ts'
import type { StreamEvents } from './catalogue-entry.ts'
import { OverageTerms } from './overage-terms.ts'
import { Time } from './time.ts'
import { amount, count, minute } from './words.ts'

/** What a call counts, see counted.ts: `quantity` has a column. */
const countedFields = {
  parts: Type.Optional(
    Type.Record(Type.String(), Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  ),
  by: Type.Optional(Type.String({ minLength: 1 })),
  /** Of a price with tiers: the volume of the month before the call. */
  volume: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  /** The component that has the tiers, of a price of several. */
  volumeOf: Type.Optional(Type.String({ minLength: 1 })),
}

/** The plan that a call was priced by, where it has prices of its own. */
const planField = { plan: Type.Optional(Type.String({ minLength: 1 })) }
/** The budgets that the event counts in; absent where it counts in none. */
const inBudgets = { budgets: Type.Optional(Spans) }

/** Figures of calls that are counted, and not charged one by one. */
const CountedCalls = Type.Object({
  errors: Type.Integer({ minimum: 0, maximum: maxAmount }),
  latencyMsSum: Type.Integer({ minimum: 0, maximum: maxAmount }),
})

export const creditEvents = {
  CreditsGranted: {
    stream: 'credits',
    payload: Type.Object({
      kind: Type.Union([
        Type.Literal('allowance'),
        Type.Literal('trial'),
        Type.Literal('overage'),
        Type.Literal('paid'),
        Type.Literal('promotional'),
      ]),
      startsAt: Time,
      expiresAt: Type.Optional(Time),
      externalId: Type.Optional(Type.String()),
      paid: Type.Optional(
        Type.Object({
          minorUnits: Type.Integer({ minimum: 0, maximum: maxAmount }),
          currency: Type.String(),
        }),
      ),
      /** The pack of the tariff in force that was bought. */
      pack: Type.Optional(Type.String()),
      /**
       * Of an allowance that is good for longer than its month: how much of allowances is kept after their months, as its plan
       * said.
       */
      rollover: Type.Optional(
        Type.Object({ max: Type.Integer({ minimum: 1, maximum: maxAmount }) }),
      ),
      /** Of overage: the fee for each started `per` credits that are used of it, as the plan said. */
      overage: Type.Optional(OverageTerms),
    }),
    lot: 'grants',
    describe: ({ credits, payload: { kind, expiresAt } }, scale) =>
      `${amount(credits, scale)} granted (${kind})${expiresAt ? `, good until ${minute(expiresAt)}` : ''}`,
  },

  /** Credits are taken away. `credits` is what could be taken, and `moved` how much of each lot. */
  CreditsAdjusted: {
    stream: 'credits',
    payload: Type.Object({
      externalId: Type.Optional(Type.String()),
      /** The credits repay a debt: a lot was granted, or credits of live lots became free. */
      repaysDebt: Type.Optional(Type.Boolean()),
    }),
    moves: 'adjusted',
    debt: 'repays',
    describe: ({ credits, payload }, scale) =>
      `${amount(credits, scale)} taken ${payload.repaysDebt ? 'to repay a debt' : 'away'}`,
  },

  /** What is left of an allowance after its month, and is more than its plan lets roll over. Of one lot. */
  CreditsLapsed: {
    stream: 'credits',
    payload: Type.Object({}),
    moves: 'lapsed',
    describe: ({ credits }, scale) =>
      `${amount(credits, scale)} lapsed, beyond what rolls over from earlier months`,
  },

  /** What an adjustment could not take, and is taken from the next credits that are granted or become free. */
  DebtRecorded: {
    stream: 'credits',
    payload: Type.Object({ externalId: Type.Optional(Type.String()) }),
    debt: 'adds',
    describe: ({ credits }, scale) =>
      `${amount(credits, scale)} owed, to be taken from what is granted or becomes free next`,
  },

  /**
   * `credits` is the upper bound of what the call costs, and `held` how much of it each lot gives. A lease, which is
   * for calls to come, has `slots` (how many of them may run on it at once) and neither endpoint nor quantity. The
   * event that ends a lease has the same slots.
   */
  CreditsHeld: {
    stream: 'credits',
    payload: Type.Object({
      keyVersion: Type.Integer(),
      holdSeconds: Type.Integer(),
      /** The call's idempotency claim: its Idempotency-Key and its request, as hashes under the account's secret. */
      claim: Type.Optional(Type.String()),
      requestHash: Type.Optional(Type.String()),
      ...planField,
      /** The most that the call can use. */
      ...countedFields,
      ...inBudgets,
    }),
    isFrequent: true,
    hold: 'opens',
    describe: ({ credits, slots, endpoint }, scale) =>
      slots === null
        ? `Up to ${amount(credits, scale)} held for a call of ${endpoint}`
        : `${amount(credits, scale)} reserved by a lease, for ${count(slots, 'call')} at once`,
  },

  /** `credits` and `quantity` are what is added. Both may be 0: the hold then only lasts longer. */
  HoldExtended: {
    stream: 'credits',
    payload: Type.Object({
      keyVersion: Type.Integer(),
      holdSeconds: Type.Integer(),
      /** What the client was sent so far, and what that costs. It is charged if the hold expires. */
      sentCredits: Type.Optional(Type.Integer({ minimum: 0 })),
      sentQuantity: Type.Optional(Type.Integer({ minimum: 0 })),
      ...inBudgets,
    }),
    isFrequent: true,
    hold: 'extends',
    describe: ({ credits, endpoint }, scale) =>
      credits === 0
        ? `The hold of a call of ${endpoint} lasts longer`
        : `The hold of a call of ${endpoint} extended by ${amount(credits, scale)}`,
  },

  /**
   * A charge. `credits` is what the call cost; the rest of its hold is free again. A call on a lease is charged at
   * once: `moved` comes out of free credits, and the lease stays as it was.
   */
  HoldSettled: {
    stream: 'credits',
    payload: Type.Object({
      /** The lease that the call ran on, and the version that the call's key had when it was charged. */
      lease: Type.Optional(Type.String()),
      keyVersion: Type.Optional(Type.Integer()),
      /** Credits that the call cost beyond its hold. They are never charged. */
      shortfall: Type.Optional(Type.Integer({ minimum: 1, maximum: maxAmount })),
      /** What is charged had left the gateway, but for a last part at most, before the charge was written. */
      delivered: Type.Optional(Type.Literal(true)),
      /**
       * What ended the response before its end: the client left, the upstream broke it off, the hold could not be
       * extended, or the gateway did not settle the hold in time. Then what its last extension said was sent is
       * charged.
       */
      terminatedBy: Type.Optional(
        Type.Union([
          Type.Literal('client'),
          Type.Literal('upstream'),
          Type.Literal('hold'),
          Type.Literal('gateway'),
        ]),
      ),
      ...planField,
      /** What the call used, and is charged for. */
      ...countedFields,
      ...inBudgets,
    }),
    isFrequent: true,
    hold: 'resolves',
    onLease: 'charges',
    moves: 'settled',
    describe: ({ credits, endpoint, payload }, scale) =>
      `${amount(credits, scale)} charged for a call of ${endpoint}${termination(payload.terminatedBy)}`,
  },

  /** A call is not charged, or a lease is given back. */
  HoldReleased: {
    stream: 'credits',
    payload: Type.Object({
      reason: Type.String(),
      /** The lease that the call ran on. It stays as it was, so the event moves nothing. */
      lease: Type.Optional(Type.String()),
      ...inBudgets,
    }),
    isFrequent: true,
    hold: 'resolves',
    onLease: 'voids',
    describe: ({ credits, slots, endpoint, payload }, scale) => {
      if (slots !== null) return `${amount(credits, scale)} freed that a lease had reserved`
      const call = `call of ${endpoint} was not charged (${payload.reason})`
      return payload.lease ? `A ${call}` : `${amount(credits, scale)} freed: a ${call}`
    },
  },

  /** A hold whose gateway did not resolve it in time, and of whose call nothing was said to be sent, is free again. */
  HoldExpired: {
    stream: 'credits',
    payload: Type.Object({ ...inBudgets }),
    isFrequent: true,
    hold: 'resolves',
    describe: ({ credits, slots, endpoint }, scale) =>
      slots === null
        ? `${amount(credits, scale)} freed: a call of ${endpoint} was never finished, and not charged`
        : `${amount(credits, scale)} freed that a lease had reserved until its gateway ended`,
  },

  ChargeRefunded: {
    stream: 'credits',
    payload: Type.Object({
      /** The charge's own time: a key's monthly cap gets back only what was charged in the same month. */
      chargedAt: Time,
      externalId: Type.Optional(Type.String()),
      /** Those of the charge: a budget gets back what is refunded of its span. */
      ...inBudgets,
    }),
    moves: 'refunded',
    describe: ({ credits, endpoint }, scale) =>
      `${amount(credits, scale)} refunded for a call of ${endpoint}`,
  },

  /** Calls of price 0 of one key and route over a few seconds. `quantity` is their number. */
  CallsCounted: {
    stream: 'credits',
    payload: CountedCalls,
    isFrequent: true,
    counts: 'free',
    describe: ({ quantity, endpoint }) => `${count(quantity, 'free call')} of ${endpoint}`,
  },

  /**
   * Calls of one key and route that were refused for one reason over a few seconds: the code that their clients read. `quantity`
   * is their number. Calls that had a hold are not among them, for the end of their hold says what became of them.
   */
  CallsRefused: {
    stream: 'credits',
    payload: Type.Object({ reason: Type.String({ pattern: '^[a-z_]{1,40}$' }) }),
    isFrequent: true,
    counts: 'refused',
    describe: ({ quantity, endpoint, payload }) =>
      `${count(quantity, 'call')} of ${endpoint} refused (${payload.reason})`,
  },

  /**
   * What a key did in a day at an endpoint of the service that Tollbook replaced, in that service's own words:
   * `credits` is what it charged, and `quantity` the number of calls. It is part of usage, and counts in no balance,
   * cap or statement, because those begin with this ledger.
   */
  UsageImported: {
    stream: 'credits',
    payload: CountedCalls,
    isFrequent: true,
    counts: 'imported',
    describe: ({ credits, quantity, endpoint }, scale) =>
      `${count(quantity, 'call')} of ${endpoint} and ${amount(credits, scale)} taken over from the service before`,
  },
} as const satisfies StreamEvents

/** How a response ended before its end, as an addition to a sentence. */
function termination(terminatedBy: unknown): string {
  switch (terminatedBy) {
    case 'client':
      return ', which the client left early'
    case 'upstream':
      return ', which the upstream broke off'
    case 'hold':
      return ', terminated because its hold could not be extended'
    case 'gateway':
      return ', whose gateway did not end it: so much had been sent'
    default:
      return ''
  }
}
