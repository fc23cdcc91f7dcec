/** A plan, as tollbook.yaml says it under `plans`. */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from '../../../events/bounds.ts'
import { atLeast, closed, text } from '../../lib/schema-fields.ts'

export const Plan = closed(
  {
    rateLimit: atLeast(1, 'How many calls any span of `windowMs` may contain.'),
    windowMs: atLeast(1, 'The span of the rate limit in milliseconds.'),
    credits: atLeast(0, "A month's allowance.", maxAmount),
    maxInFlight: atLeast(1, 'How many calls of an account may be in flight at once.'),
    endpoints: Type.Union(
      [
        Type.Literal('all'),
        Type.Array(Type.String({ minLength: 1 }), { description: 'Permissions of routes.' }),
      ],
      { description: 'What the plan may call: `all`, or a list of permissions.' },
    ),
    fee: closed(
      {
        minorUnits: atLeast(
          0,
          'Net, in the smallest unit of the currency: 1900 is €19.',
          maxAmount,
        ),
        currency: text('^[A-Z]{3}$', 'a currency code such as EUR', 'ISO 4217.'),
      },
      { description: 'What a month costs.' },
    ),
    grantable: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'False for a plan that accounts may keep but that is no longer given.',
      }),
    ),
  },
  { description: 'What an account may do and what it pays.' },
)

export type Plan = Static<typeof Plan>
