/** Sizes and times, and who refunds, as tollbook.yaml says them. */
import { Type } from '@sinclair/typebox'
import { maxAmount } from '../../../events/bounds.ts'
import { atLeast, closed } from '../../lib/schema-fields.ts'
import { oneGiB } from './request.ts'

const oneHourMs = 3_600_000

export const Limits = closed(
  {
    maxBodyBytes: Type.Optional(atLeast(1, 'How large a JSON body may be.', oneGiB)),
    maxJsonValues: Type.Optional(
      atLeast(
        1,
        'How many values a JSON body may have: fields and items, and what is nested in them. A form has at most as many fields.',
        oneGiB,
      ),
    ),
    maxBodySeconds: Type.Optional(
      atLeast(
        1,
        'How long a client may take to send a body; one second more for every 64 KiB that arrived.',
        255,
      ),
    ),
    maxTotalBodyBytes: Type.Optional(
      atLeast(
        1,
        'How many bytes a gateway holds at once of all bodies of more than 64 KiB, and of the bodies of management.',
        maxAmount,
      ),
    ),
    maxBufferedBytes: Type.Optional(
      atLeast(
        0,
        'A response up to this size is held back whole, so that its head can carry the charge.',
        oneGiB,
      ),
    ),
    maxDeliverySeconds: Type.Optional(
      atLeast(
        1,
        "How long a client may take to read a response, beyond its upstream's own time. Then it is charged as one who left.",
        86_400,
      ),
    ),
    upstreamTimeoutMs: Type.Optional(
      atLeast(1, 'How long an upstream may take for the whole response.', oneHourMs),
    ),
    holdSeconds: Type.Optional(
      atLeast(
        1,
        'After this an open hold is expired by any gateway: uncharged, or for what a stream has sent. Longer than any timeout.',
        86_400,
      ),
    ),
    leaseIdleSeconds: Type.Optional(
      atLeast(
        1,
        'A key that has not called for so long keeps nothing reserved for its next calls. One that makes its third call within half of that gets a reservation for them, so that each costs the ledger one event instead of two.',
        60,
      ),
    ),
    fenceAfterSeconds: Type.Optional(
      atLeast(
        10,
        'A gateway that the ledger has not heard of for so long is fenced: it can deliver nothing more of what it charged before.',
        3_600,
      ),
    ),
    maxKeysPerAccount: Type.Optional(
      atLeast(1, 'How many keys an account may have that are not revoked.', 1_000_000),
    ),
    maxReportSeconds: Type.Optional(
      atLeast(1, 'How long a report over HTTP may take, and may wait for others.', 120),
    ),
    maxOwnerRequestsPerMinute: Type.Optional(
      atLeast(
        1,
        'How many requests to management an owner (a user, or all members of an organisation together) may make in any minute.',
        1_000_000,
      ),
    ),
    maxOwnerChangesPerMinute: Type.Optional(
      atLeast(
        1,
        'How many of them may change something: what they change is written to the log.',
        1_000_000,
      ),
    ),
    maxOperatorRequestsPerMinute: Type.Optional(
      atLeast(
        1,
        'How many requests to management an operator or auditor may make in any minute.',
        1_000_000,
      ),
    ),
  },
  { description: 'Sizes, times, and how often management is asked.' },
)

export const Refunds = closed(
  {
    unknownDelivery: Type.Optional(
      Type.Union([Type.Literal('operator'), Type.Literal('customer')], {
        description:
          'Who refunds a charge whose response may not have arrived: the operator, or the customer himself at POST /v1/charges/:requestId/refund.',
      }),
    ),
  },
  { description: 'Refunds that customers can take by themselves.' },
)

export const Support = closed(
  {
    maxGrant: Type.Optional(
      atLeast(0, 'The most credits that support may grant at once.', maxAmount),
    ),
    maxRefund: Type.Optional(
      atLeast(0, 'The most credits that support may refund at once.', maxAmount),
    ),
  },
  { description: 'How far support may go. Admins have no such bounds.' },
)
