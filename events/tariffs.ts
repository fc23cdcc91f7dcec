/** The tariffs stream: prices and plans. */
import { type Static, Type } from '@sinclair/typebox'
import { spanPattern } from '../src/lib/rate-limits.ts'
import { maxAmount, maxInteger, maxRolloverMonths, maxValidDays } from './bounds.ts'
import type { StreamEvents } from './catalogue-entry.ts'
import { overageTerms } from './overage-terms.ts'
import { Time } from './time.ts'
import { minute } from './words.ts'

/** A price of one component, or one of several. Its fields are those that the configuration had. */
const Component = Type.Record(Type.String(), Type.Unknown())
/** By the ids of routes. */
const Prices = Type.Record(Type.String(), Type.Union([Component, Type.Array(Component)]))

const Plan = Type.Object({
  rateLimit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxInteger })),
  windowMs: Type.Optional(Type.Integer({ minimum: 1, maximum: maxInteger })),
  /** In place of these two: all of them hold. The first is of calls. */
  rateLimits: Type.Optional(
    Type.Array(
      Type.Union([
        Type.Object({
          calls: Type.Integer({ minimum: 1, maximum: maxInteger }),
          per: Type.String({ pattern: spanPattern }),
        }),
        Type.Object({
          tokens: Type.Integer({ minimum: 1, maximum: maxAmount }),
          per: Type.String({ pattern: spanPattern }),
        }),
      ]),
    ),
  ),
  credits: Type.Integer({ minimum: 0, maximum: maxAmount }),
  maxInFlight: Type.Integer({ minimum: 1, maximum: maxInteger }),
  endpoints: Type.Union([Type.Literal('all'), Type.Array(Type.String())]),
  fee: Type.Object({
    minorUnits: Type.Integer({ minimum: 0, maximum: maxAmount }),
    currency: Type.String(),
  }),
  /** Credits that an account gets once, with the first of its plans that has a trial. */
  trial: Type.Optional(
    Type.Object({
      credits: Type.Integer({ minimum: 1, maximum: maxAmount }),
      days: Type.Integer({ minimum: 1, maximum: maxValidDays }),
    }),
  ),
  /** How much of allowance and fee belong to the month in which the plan is taken. Absent: all. */
  firstMonth: Type.Optional(Type.Union([Type.Literal('prorated'), Type.Literal('whole')])),
  /** For how many months what is left of an allowance is kept, and how much of it there may be at most. */
  rollover: Type.Optional(
    Type.Object({
      max: Type.Integer({ minimum: 1, maximum: maxAmount }),
      months: Type.Integer({ minimum: 1, maximum: maxRolloverMonths }),
    }),
  ),
  /** How many credits a month beyond all others may be used, and what they are billed. */
  overage: Type.Optional(
    Type.Object({ max: Type.Integer({ minimum: 1, maximum: maxAmount }), ...overageTerms }),
  ),
  /** What calls of the plan's accounts cost instead. */
  prices: Type.Optional(Prices),
})
export type Plan = Static<typeof Plan>

const Pack = Type.Object({
  credits: Type.Integer({ minimum: 1, maximum: maxAmount }),
  price: Type.Object({
    minorUnits: Type.Integer({ minimum: 0, maximum: maxAmount }),
    currency: Type.String(),
  }),
  validDays: Type.Integer({ minimum: 1, maximum: maxValidDays }),
})
export type Pack = Static<typeof Pack>

export const tariffEvents = {
  /** The hash identifies a tariff: the SHA-256 of the canonical JSON of `{plans, prices}`, and `credits` and `packs` where it has them. */
  TariffPublished: {
    stream: 'tariffs',
    payload: Type.Object({
      hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      from: Time,
      notice: Type.Optional(Type.String()),
      /** Why it was published: for auditors, and not for customers. */
      reason: Type.Optional(Type.String()),
      plans: Type.Record(Type.String(), Plan),
      prices: Prices,
      /** How people see credits. Once it was said, every later tariff says the same. */
      credits: Type.Optional(Type.Object({ name: Type.String(), decimals: Type.Integer() })),
      packs: Type.Optional(Type.Record(Type.String(), Pack)),
    }),
    describe: ({ payload }) =>
      `Tariff ${String(payload.hash).slice(0, 12)} published, in force from ${minute(payload.from)}`,
  },
} as const satisfies StreamEvents
