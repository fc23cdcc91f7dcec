/** A plan, as tollbook.yaml says it under `plans`. */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount, maxRolloverMonths, maxValidDays } from '../../../events/bounds.ts'
import { atLeast, closed, recordOf, text } from '../../lib/schema-fields.ts'
import { PriceRule } from '../../pricing/price-rule.ts'
import { rateLimits } from './rate-limits.ts'

function money(description: string, least: number) {
  return closed(
    {
      minorUnits: atLeast(
        least,
        'Net, in the smallest unit of the currency: 1900 is €19.',
        maxAmount,
      ),
      currency: text('^[A-Z]{3}$', 'a currency code such as EUR', 'ISO 4217.'),
    },
    { description },
  )
}

export const Plan = closed(
  {
    rateLimit: Type.Optional(atLeast(1, 'How many calls any span of `windowMs` may contain.')),
    windowMs: Type.Optional(atLeast(1, 'The span of the rate limit in milliseconds.')),
    rateLimits: Type.Optional(
      rateLimits(
        "Instead of `rateLimit` and `windowMs`: several limits, all of which hold. The first is one of calls: an account's own limit takes its place, and a key's own narrows it.",
      ),
    ),
    credits: atLeast(0, "A month's allowance.", maxAmount),
    maxInFlight: atLeast(1, 'How many calls of an account may be in flight at once.'),
    endpoints: Type.Union(
      [
        Type.Literal('all'),
        Type.Array(Type.String({ minLength: 1 }), { description: 'Permissions of routes.' }),
      ],
      { description: 'What the plan may call: `all`, or a list of permissions.' },
    ),
    fee: money('What a month costs.', 0),
    trial: Type.Optional(
      closed(
        {
          credits: atLeast(1, 'How many credits an account gets to try.', maxAmount),
          days: Type.Integer({
            minimum: 1,
            maximum: maxValidDays,
            description: 'How long they are good, from the time at which the plan is taken.',
          }),
        },
        {
          description:
            'Credits that an account gets once, with the first plan that has a trial. A plan that begins with the next month brings none.',
        },
      ),
    ),
    firstMonth: Type.Optional(
      Type.Union([Type.Literal('prorated'), Type.Literal('whole')], {
        default: 'whole',
        description:
          'Allowance and fee of the month in which an account takes the plan: the whole of both, or the part of the days that are left, that day among them.',
      }),
    ),
    rollover: Type.Optional(
      closed(
        {
          max: atLeast(
            1,
            'How many credits of earlier months an account keeps at most.',
            maxAmount,
          ),
          months: Type.Integer({
            minimum: 1,
            maximum: maxRolloverMonths,
            description: "For how many months an allowance is good after its own month's end.",
          }),
        },
        {
          description:
            'What is left of an allowance stays good after its month. Absent: it lapses with the month.',
        },
      ),
    ),
    overage: Type.Optional(
      closed(
        {
          max: atLeast(1, 'How many such credits an account can use in a month.', maxAmount),
          fee: money('What each started `per` credits cost.', 1),
          per: atLeast(1, 'For how many credits the fee is.', maxAmount),
        },
        {
          description:
            'Calls go on when no other credits are left, and what they use is billed. Absent: they are refused then.',
        },
      ),
    ),
    grantable: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'False for a plan that accounts may keep but that is no longer given.',
      }),
    ),
    prices: Type.Optional(
      recordOf(
        PriceRule,
        "What calls of a route cost the plan's accounts, by the route: rates that replace those of the route's own price. What is counted, and where, is as there, and need not be repeated.",
      ),
    ),
  },
  { description: 'What an account may do and what it pays.' },
)

export type Plan = Static<typeof Plan>
