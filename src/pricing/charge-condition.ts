/**
 * Which responses of a route are charged, as its `chargeWhen` says. Without one it is every 2xx. By status, a refusal can be
 * charged, too; every other condition chooses among the 2xx.
 */
import { type Static, Type } from '@sinclair/typebox'
import { closed, headerName } from '../lib/schema-fields.ts'
import { Condition, meetsCondition } from './condition.ts'

const StatusCondition = closed(
  {
    status: Type.Array(Type.Integer({ minimum: 200, maximum: 499, description: 'A status.' }), {
      minItems: 1,
      description:
        'The statuses that are charged, and no others: 2xx, 304 of a `conditional` route, and 4xx, of which 401, 402, 407 and 429 stand in `passStatuses`.',
    }),
  },
  { description: 'A test on the status.' },
)

const HeaderCondition = closed(
  {
    header: headerName("A header of the upstream's response."),
    equals: Type.Optional(
      Type.String({ minLength: 1, description: 'Charged where the header has this value.' }),
    ),
    not: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Charged where the header has another value than this, or is not there.',
      }),
    ),
  },
  { description: 'A test on a header, by `equals` or by `not`.' },
)

const EventCondition = closed(
  {
    event: Type.Union([Type.String({ minLength: 1 }), Condition], {
      description: 'The name of the event, or a test on the JSON that it brings.',
    }),
  },
  {
    description:
      'A stream that is sold by the token is charged where the upstream has sent such an event before its end. A client that leaves earlier pays for what it got.',
  },
)

export const ChargeCondition = Type.Union(
  [Condition, StatusCondition, HeaderCondition, EventCondition],
  {
    description:
      'Which responses are charged: by a value of their JSON, by their status, by a header, or by an event of a stream. Absent: every 2xx.',
  },
)

export type ChargeCondition = Static<typeof ChargeCondition>
export type EventCondition = Static<typeof EventCondition>['event']

/** Statuses that are about the gateway's standing with the upstream, or about how much it asks, and not about the call. */
const gatewaysOwn: ReadonlySet<number> = new Set([401, 402, 407, 429])

/** Which of them are about the call all the same: only the seller knows. */
export const PassStatuses = Type.Array(
  Type.Union([Type.Literal(401), Type.Literal(402), Type.Literal(407), Type.Literal(429)]),
  {
    minItems: 1,
    uniqueItems: true,
    sample: '[401]',
    description:
      "Of the upstream's 401, 402, 407 and 429 those that are about the client's call, such as a wrong password, and reach the client. Default: none, for they are about the gateway's standing with its upstream, and become 502 or 503.",
  },
)

/** What a route says of the responses that reach its clients. */
interface PassedOn {
  /** Whether clients can ask under a condition. */
  readonly conditional?: boolean
  readonly passStatuses?: readonly number[]
}

/** Whether a response with this status reaches the client, whether it is charged or not. */
export function isPassedOn(status: number, route: PassedOn): boolean {
  if (status >= 200 && status < 300) return true
  if (status === 304) return route.conditional === true
  if (status < 400 || status > 499) return false
  return !gatewaysOwn.has(status) || route.passStatuses?.includes(status) === true
}

/** What the head of a response says. */
interface ResponseHead {
  readonly status: number
  readonly headers: Headers
}

/** Whether a response can be charged, by its head alone. Its JSON may still say otherwise. */
export function isChargeableByHead(
  condition: ChargeCondition | undefined,
  { status, headers }: ResponseHead,
): boolean {
  if (condition && 'status' in condition) return condition.status.includes(status)
  if (status < 200 || status > 299) return false
  if (!condition || !('header' in condition)) return true
  const value = headers.get(condition.header)
  return condition.equals === undefined ? value !== condition.not : value === condition.equals
}

/** Whether a response is charged that could be by its head: its JSON meets the condition. */
export function isChargeableByJson(condition: ChargeCondition | undefined, json: unknown): boolean {
  if (!condition || !('pointer' in condition)) return true
  return meetsCondition(json, condition)
}
