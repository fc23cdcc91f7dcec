/**
 * A price for each started unit of tokens, of request and response together. A JSON response says its tokens at
 * its end. An event stream is metered along the way, and its hold grows with it (growing-hold.ts).
 */
import { type Static, Type } from '@sinclair/typebox'
import type { Fault } from '../../lib/fault.ts'
import { atLeast, closed, decimal, pointer, text } from '../../lib/schema-fields.ts'
import { bodyFaults, inResponse, optionalInRequest } from '../pointer-checks.ts'
import type { PriceableRoute, PriceKind, RequestContent } from '../price-kind.ts'
import { rateText, tokenRateFields } from '../rate.ts'
import { requestSource, valueInRequest } from '../request-source.ts'
import { maxTokens, stepOf, unitOf } from '../rule-fields.ts'
import { statedUsage } from '../stated-usage.ts'
import { fieldText, numberText } from '../text-parts.ts'
import { hasKindRates, isKindRates, KindPointers, kindFaults } from '../token-kinds.ts'

const Catalogue = Type.Array(
  closed(
    {
      sha256: text('^[0-9a-f]{64}$', 'a SHA-256 in hexadecimal digits', "The file's SHA-256."),
      markup: decimal('What its costs were multiplied by.'),
      credits: decimal('How many credits one of its currency is.'),
      models: Type.Array(Type.String(), {
        minItems: 1,
        description: 'The models whose rates come from it.',
      }),
    },
    { description: 'A file, and what was taken from it.' },
  ),
  {
    minItems: 1,
    description:
      'The files that rates were taken from, as `tollbook prices import` writes it: whoever has them can compute these rates again. Customers do not see it.',
  },
)

export const TokenPrice = closed(
  {
    per: Type.Literal('token'),
    unit: unitOf('tokens'),
    ...tokenRateFields,
    catalogue: Type.Optional(Catalogue),
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
        usage: Type.Optional(
          text(
            '^/.+$',
            'a JSON pointer such as /usage/total_tokens',
            "Where the response, or an event of a stream, says all tokens: the request's and its own. Absent: they are the sum of their `kinds`.",
          ),
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
      ...usageFaults(settle, route),
    ]
  },

  countedIn: ({ hold }) => hold.limit,

  holdQuantity(rule, request) {
    const inResponse = maxResponseTokens(rule, request)
    const first = request.streams ? Math.min(rule.hold.step, inResponse) : inResponse
    return requestTokens(rule, request) + first
  },

  maxQuantity: ({ hold }, _route, maxBytes) => Math.ceil(maxBytes / hold.bytesPerToken) + hold.most,

  usedQuantity: (rule, { response }, held) =>
    statedUsage(rule.settle, response.json)?.tokens ?? held,

  text: (rule, scale) =>
    [
      `${rateText(rule, 'for each token', 'tokens', ' of request and response together', scale)}; the response's ${usageText(rule.settle)} says how many.`,
      `Held for a token in every ${numberText(rule.hold.bytesPerToken)} bytes of the request, and for what the response can have; of a stream for ${numberText(rule.hold.step)} tokens, and for more as it comes.`,
      'A stream for which no more can be held ends with an `error` event; what was sent by then is charged.',
    ].join(' '),
  shortText: (rule, scale) => {
    const rates = rateText(rule, 'for each token', 'tokens', '', scale)
    // Tariffs of before had one file.
    const files = [rule.catalogue ?? []].flat().map(({ sha256 }) => sha256.slice(0, 12))
    if (files.length === 0) return rates
    return `${rates}, from the file${files.length > 1 ? 's' : ''} ${[...new Set(files)].join(', ')}`
  },
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

/** A usage is said in all, or by its kinds, and somewhere in the documented response. */
function usageFaults({ usage, kinds }: TokenPrice['settle'], route: PriceableRoute): Fault[] {
  const path = ['price', 'settle', 'usage']
  if (usage === undefined && kinds === undefined) {
    return [{ path, message: 'missing: nothing says how many tokens there were' }]
  }
  return [
    ...(usage === undefined ? [] : inResponse(route, path, usage, 'number')),
    ...(kinds === undefined ? [] : kindPointerFaults(kinds, route)),
  ]
}

/** Without all input and all output no kinds are known. Of several pointers some may lead into the events of streams alone. */
function kindPointerFaults(kinds: KindPointers, route: PriceableRoute): Fault[] {
  return (['input', 'output'] as const).flatMap((kind) => {
    const faults = [kinds[kind]]
      .flat()
      .map((at) => inResponse(route, ['price', 'settle', 'kinds', kind], at, 'number'))
    return faults.some((of) => of.length === 0) ? [] : (faults[0] ?? [])
  })
}

function usageText({ usage }: TokenPrice['settle']): string {
  return usage === undefined ? 'usage' : fieldText(usage)
}

/** What the request of a call counts until its response says better. */
export function requestTokens({ hold }: TokenPrice, { bytes }: RequestContent): number {
  if (bytes === undefined) throw new TypeError('no JSON')
  return Math.ceil(bytes / hold.bytesPerToken)
}

/** The most that a call can use, as far as holds go: of a stream in the end. */
export function maxTokensOf(rule: TokenPrice, request: RequestContent): number {
  return requestTokens(rule, request) + maxResponseTokens(rule, request)
}

/** The most tokens that the response can have, as far as a hold goes. */
function maxResponseTokens({ hold }: TokenPrice, request: RequestContent): number {
  const requested = hold.limit.map((at) => valueInRequest(at, request)).find(isCount)
  return Math.min(requested ?? hold.most, hold.most)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
