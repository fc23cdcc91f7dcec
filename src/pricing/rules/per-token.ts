/**
 * A price for each started unit of tokens, of request and response together. A JSON response says its tokens at
 * its end. An event stream is metered along the way, and its hold grows with it (growing-hold.ts).
 */
import { type Static, Type } from '@sinclair/typebox'
import type { Parts } from '../../../events/counted.ts'
import type { Fault } from '../../lib/fault.ts'
import { valueAt } from '../../lib/json-pointer.ts'
import { atLeast, closed, pointer, text } from '../../lib/schema-fields.ts'
import { bodyFaults, inResponse, optionalInRequest } from '../pointer-checks.ts'
import type { PriceKind, RequestContent } from '../price-kind.ts'
import { rateText, tokenRateFields } from '../rate.ts'
import { requestSource, valueInRequest } from '../request-source.ts'
import { maxTokens, stepOf, unitOf } from '../rule-fields.ts'
import { fieldText, numberText } from '../text-parts.ts'
import { hasKindRates, isKindRates, KindPointers, kindFaults, statedKinds } from '../token-kinds.ts'

export const TokenPrice = closed(
  {
    per: Type.Literal('token'),
    unit: unitOf('tokens'),
    ...tokenRateFields,
    hold: closed(
      {
        bytesPerToken: atLeast(
          1,
          'The request counts one token for so many bytes of its body, and a stream for so many of its text, until the response says better.',
        ),
        limit: Type.Array(requestSource('A number of tokens'), {
          description:
            'Where the request may say how many tokens its response can have; the first number counts.',
        }),
        most: atLeast(
          1,
          "The response's tokens where the request does not say; more are not held before the call.",
          maxTokens,
        ),
        step: stepOf('tokens'),
      },
      {
        description:
          'Held before the call: the tokens of the request and those that the response can have; of a stream, one step, and more as it comes.',
      },
    ),
    settle: closed(
      {
        usage: text(
          '^/.+$',
          'a JSON pointer such as /usage/total_tokens',
          "Where the response, or an event of a stream, says all tokens: the request's and its own.",
        ),
        each: Type.Array(pointer, {
          minItems: 1,
          description:
            'Where an event of a stream has its text: it counts one token for so many bytes as `bytesPerToken` says, and at least one where there is anything.',
        }),
        kinds: Type.Optional(KindPointers),
      },
      {
        description:
          'Charged after the call: the tokens that the response says. A stream that does not say is charged by its text, another response as held.',
      },
    ),
  },
  {
    description:
      'A price for each started unit of tokens, of a JSON response or of an event stream.',
  },
)

export type TokenPrice = Static<typeof TokenPrice>

export const perToken: PriceKind<TokenPrice> = {
  inUnits: true,
  readsJson: () => true,

  findFaults(rule, route) {
    const { hold, settle } = rule
    if (!route.request || !('json' in route.request)) {
      const message = 'counts tokens of JSON, so request.json is needed'
      return [{ path: ['price', 'per'], message }]
    }
    return [
      ...ratesFaults(rule),
      ...bodyFaults(route, ['price', 'per']),
      ...hold.limit.flatMap((at, index) =>
        optionalInRequest(route, ['price', 'hold', 'limit', index], at, 'number'),
      ),
      ...inResponse(route, ['price', 'settle', 'usage'], settle.usage, 'number'),
    ]
  },

  countedIn: ({ hold }) => hold.limit,

  holdQuantity(rule, request) {
    const inResponse = maxResponseTokens(rule, request)
    const first = request.streams ? Math.min(rule.hold.step, inResponse) : inResponse
    return requestTokens(rule, request) + first
  },

  maxQuantity: ({ hold }, _route, maxBytes) => Math.ceil(maxBytes / hold.bytesPerToken) + hold.most,

  usedQuantity: (rule, { response }, held) => reportedTokens(rule, response.json) ?? held,

  text: (rule) =>
    [
      `${rateText(rule, 'for each token', 'tokens', ' of request and response together')}; the response's ${fieldText(rule.settle.usage)} says how many.`,
      `Held for a token in every ${numberText(rule.hold.bytesPerToken)} bytes of the request, and for what the response can have; of a stream for ${numberText(rule.hold.step)} tokens, and for more as it comes.`,
      'A stream for which no more can be held ends with an `error` event; what was sent by then is charged.',
    ].join(' '),
  shortText: (rule) => rateText(rule, 'for each token', 'tokens'),
}

/** Rates by kind need a place where the usage says the kinds; and where one rate of a table is by kind, all are. */
function ratesFaults({ perMillion, by, settle }: TokenPrice): Fault[] {
  const path = ['price', 'perMillion']
  const table = typeof perMillion === 'object' && by !== undefined ? Object.entries(perMillion) : []
  const ofKinds = table.filter(([, rate]) => isKindRates(rate))
  if (hasKindRates(perMillion) && settle.kinds === undefined) {
    const message = 'missing: rates by the kind of token need it, or a `provider` that says it'
    return [{ path: ['price', 'settle', 'kinds'], message }]
  }
  if (ofKinds.length > 0 && ofKinds.length < table.length) {
    return [{ path, message: 'has rates by kind for some values, and must have them for all' }]
  }
  return by === undefined
    ? kindFaults(perMillion, path)
    : ofKinds.flatMap(([name, rate]) => kindFaults(rate, [...path, name]))
}

/** The tokens of a call that its response reports, by kind; undefined where it does not. */
export function reportedKinds({ settle }: TokenPrice, json: unknown): Parts | undefined {
  const tokens = reportedTokens({ settle }, json)
  return settle.kinds && tokens !== undefined ? statedKinds(settle.kinds, json, tokens) : undefined
}

/** What the request of a call counts until its response says better. */
export function requestTokens({ hold }: TokenPrice, { bytes }: RequestContent): number {
  if (bytes === undefined) throw new TypeError('no JSON')
  return Math.ceil(bytes / hold.bytesPerToken)
}

/** The tokens of a call that its response, or an event of it, reports; undefined where it does not. */
export function reportedTokens(
  { settle }: Pick<TokenPrice, 'settle'>,
  json: unknown,
): number | undefined {
  const reported = valueAt(json, settle.usage)
  return isCount(reported) && reported <= maxTokens ? reported : undefined
}

/** The most tokens that the response can have, as far as a hold goes. */
function maxResponseTokens({ hold }: TokenPrice, request: RequestContent): number {
  const requested = hold.limit.map((at) => valueInRequest(at, request)).find(isCount)
  return Math.min(requested ?? hold.most, hold.most)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
