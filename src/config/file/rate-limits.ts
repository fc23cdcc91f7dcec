/** Several rate limits at once, as plans and routes say them under `rateLimits`. */
import { Type } from '@sinclair/typebox'
import { maxAmount } from '../../../events/bounds.ts'
import { spanPattern } from '../../lib/rate-limits.ts'
import { atLeast, closed, text } from '../../lib/schema-fields.ts'

const per = text(
  spanPattern,
  'a span such as 500ms, 60s, 5m, 1h or 1d',
  'The span: any that is so long. At most 31d.',
)

export const rateLimits = (description: string) =>
  Type.Array(
    Type.Union([
      closed({ calls: atLeast(1, 'How many calls.'), per }, { description: 'A limit of calls.' }),
      closed(
        {
          tokens: atLeast(1, 'How many tokens, of requests and responses together.', maxAmount),
          per,
        },
        {
          description:
            'A limit of tokens. A call takes those of its request and as many as its response can have, and gives back what it has not used.',
        },
      ),
    ]),
    { minItems: 1, maxItems: 8, description },
  )
