/** The responses to customers' programs: for the API documentation, and for the types of clients. */
import { t } from 'elysia'
import { Plan } from '../../../config/file/plan.ts'
import type { RateLimitState } from '../../../gate/rate-limit/rate-limiter.ts'
import { PriceRule } from '../../../pricing/price-rule.ts'
import type { ListedCharge } from '../../../reports/charge/charge-page.ts'
import type { Charge } from '../../../reports/charge/charge-shape.ts'
import { BalanceSchema } from '../../schemas/account-schema.ts'
import { integer, mode, nextCursor, typedSchema } from '../../schemas/fields.ts'

const text = t.String()
const position = t.String({
  description: 'A position in the ledger, as `shard-position`.',
  examples: ['0-1234'],
})

/** @param what it counts */
const limitState = (what: 'calls' | 'tokens') =>
  typedSchema<RateLimitState>(
    t.Object({
      limit: integer({
        description: `${what === 'calls' ? 'Calls' : 'Tokens'} in any span of \`windowMs\`.`,
      }),
      remaining: integer({
        description: `${what === 'calls' ? 'Calls' : 'Tokens'} that would pass now.`,
      }),
      windowMs: integer(),
      resetMs: t.Number({
        description: 'Milliseconds until one more would pass.',
        examples: [0],
      }),
      name: t.Optional(
        t.String({
          description:
            'Which of several limits this is: the one that has to be waited for longest, or has the fewest left. Absent: the first.',
        }),
      ),
    }),
  )

export const KeyResponse = t.Object({
  keyId: text,
  accountId: text,
  display: t.String({ description: 'What can be shown of the key: prefix and last four.' }),
  mode,
  plan: text,
  permissions: t.Union([t.Literal('all'), t.Array(text)]),
  expiresAt: t.Nullable(text),
  monthlyCap: t.Nullable(integer({ description: "The key's own, in credits." })),
  credits: BalanceSchema,
  rateLimit: t.Optional(limitState('calls')),
  tokenLimit: t.Optional(limitState('tokens')),
})

const TariffSchema = t.Object({
  hash: t.String({ description: 'Identifies the tariff; events refer to it by this hash.' }),
  from: t.String({ description: 'The time from which it is in force.' }),
  notice: t.Nullable(text),
  plans: t.Record(text, Plan, {
    examples: [
      {
        free: {
          ...{ rateLimit: 10, windowMs: 60_000, credits: 100, maxInFlight: 10 },
          ...{ endpoints: ['search'], fee: { minorUnits: 0, currency: 'EUR' }, grantable: true },
        },
      },
    ],
  }),
  credits: t.Nullable(
    t.Object(
      { name: text, decimals: integer() },
      { description: 'How credits are shown to people; null: as they are.' },
    ),
  ),
  words: t.Record(text, text, { description: 'The prices in a few words, by route.' }),
  prices: t.Record(text, PriceRule, { examples: [{ search: { per: 'request', credits: 1 } }] }),
})

export const PricesResponse = t.Object({
  current: t.Optional(TariffSchema),
  announced: t.Array(TariffSchema),
  routes: t.Record(text, t.Object({ methods: t.Array(text), path: text }), {
    description: 'Where the routes are that the prices are of, by their ids.',
    examples: [{ search: { methods: ['POST'], path: '/v1/search' } }],
  }),
})

export const ChargeResponse = typedSchema<Charge>(
  t.Object({
    requestId: text,
    status: t.Union(['held', 'settled', 'released', 'expired'].map((name) => t.Literal(name))),
    accountId: text,
    keyId: text,
    mode,
    endpoint: text,
    heldCredits: integer({ description: 'The upper bound that was held.' }),
    credits: integer({ description: 'What was charged: 0 unless settled.' }),
    refunded: integer(),
    quantity: integer({ description: 'What the endpoint counts.' }),
    parts: t.Optional(
      t.Record(text, integer(), {
        description: 'Of a price of several components: what each of them counts, by its name.',
      }),
    ),
    by: t.Optional(
      t.String({ description: 'Of a price with rates by a value: the rate that the value found.' }),
    ),
    volume: t.Optional(
      integer({
        description:
          'Of a price with tiers: how much of it the account had had in the month before the call.',
      }),
    ),
    tariff: t.String({ description: 'Hash of the tariff that priced the call.' }),
    heldAt: text,
    onLease: t.Optional(
      t.Literal(true, {
        description:
          'It ran on a lease (`positions.held`), which is taken for many calls, and was charged on it.',
      }),
    ),
    settledAt: t.Nullable(text),
    resolvedAt: t.Nullable(t.String({ description: 'When the hold ended, however it did.' })),
    positions: t.Object({
      held: position,
      extended: t.Optional(t.Array(position)),
      settled: t.Optional(position),
      released: t.Optional(position),
      expired: t.Optional(position),
      refunded: t.Optional(t.Array(position)),
    }),
    delivery: t.Optional(
      t.Union(
        ['sent', 'pending', 'replayed', 'cut', 'unknown'].map((name) => t.Literal(name)),
        {
          description:
            'What became of the response. `pending`: it may still arrive, or its gateway has yet to say that it left. `unknown`: its gateway withheld it, or died before it could say; the charge can be refunded.',
        },
      ),
    ),
    reason: t.Optional(t.String({ description: 'Of a release: why nothing was charged.' })),
    shortfall: t.Optional(
      integer({ description: 'Credits that the call cost beyond its hold, which nobody pays.' }),
    ),
    terminatedBy: t.Optional(
      t.Union(
        ['client', 'upstream', 'hold', 'gateway'].map((name) => t.Literal(name)),
        {
          description:
            'What ended the response before its end: the client left, the upstream broke off, the hold could not grow, or the gateway failed: then so much had been sent as is charged.',
        },
      ),
    ),
  }),
)

export const ChargesResponse = t.Object({
  charges: t.Array(
    typedSchema<ListedCharge>(
      t.Object({
        requestId: text,
        keyId: text,
        mode,
        endpoint: text,
        credits: integer({ description: 'What was charged.' }),
        refunded: integer({ description: 'What of it was given back.' }),
        quantity: integer({ description: 'What the endpoint counts.' }),
        tariff: t.String({ description: 'Hash of the tariff that priced the call.' }),
        settledAt: text,
        position,
      }),
    ),
  ),
  nextCursor,
})

export const RefundedResponse = t.Object({
  requestId: text,
  position: t.String({ description: 'Where the refund is in the ledger.' }),
  credits: integer({ description: 'What was refunded.' }),
})

export const RevokedResponse = t.Object({ message: text, keyId: text })
