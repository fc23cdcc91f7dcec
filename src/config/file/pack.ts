/** A pack of credits, as tollbook.yaml says it under `packs`. */
import { Type } from '@sinclair/typebox'
import { maxAmount, maxValidDays } from '../../../events/bounds.ts'
import { atLeast, closed, text } from '../../lib/schema-fields.ts'

export const Pack = closed(
  {
    credits: atLeast(1, 'How many credits it has.', maxAmount),
    price: closed(
      {
        minorUnits: atLeast(
          0,
          'Net, in the smallest unit of the currency: 2500 is €25.',
          maxAmount,
        ),
        currency: text('^[A-Z]{3}$', 'a currency code such as EUR', 'ISO 4217.'),
      },
      { description: 'What it costs.' },
    ),
    validDays: Type.Integer({
      minimum: 1,
      maximum: maxValidDays,
      description: 'How long its credits are good, from the time at which it is granted.',
    }),
  },
  { description: 'Credits that accounts buy at a price, as often as they like.' },
)
