/** One endpoint that is sold, as tollbook.yaml says it under `routes`. */
import { type Static, Type } from '@sinclair/typebox'
import { atLeast, closed, namePattern, text } from '../../lib/schema-fields.ts'
import { ChargeCondition, PassStatuses } from '../../pricing/charge-condition.ts'
import { PriceRule } from '../../pricing/price-rule.ts'
import { type ProviderName, providers } from '../../providers/providers.ts'
import { operationIdPattern } from '../operation-ids.ts'
import { FieldMap } from './field-map.ts'
import {
  EncodedSlash,
  Method,
  Methods,
  Parameters,
  PublicPath,
  Query,
  UpstreamPath,
} from './path.ts'
import { rateLimits } from './rate-limits.ts'
import { oneGiB, RouteRequest } from './request.ts'
import { ResponseDocument, Streams } from './response.ts'

const oneHourMs = 3_600_000

export const Route = closed(
  {
    method: Type.Optional(Method),
    methods: Type.Optional(Methods),
    path: PublicPath,
    parameters: Type.Optional(Parameters),
    encodedSlash: Type.Optional(EncodedSlash),
    query: Type.Optional(Query),
    summary: Type.String({ minLength: 1, description: 'One line for the API documentation.' }),
    operationId: Type.Optional(
      text(
        operationIdPattern,
        'letters and digits, such as listVoices',
        "What the API documentation, and so every generated client, calls the operation, such as `listVoices`. Of several methods each gets its method in front of it. Default: made of the route's id.",
      ),
    ),
    permission: Type.Optional(
      Type.String({
        pattern: namePattern,
        patternErrorMessage: 'expected a name such as search',
        description:
          "What a key's allowed endpoints and a plan's `endpoints` call this. Default: the service's name.",
      }),
    ),
    service: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The upstream that is called, by its name in `services`.',
      }),
    ),
    upstreamPath: Type.Optional(UpstreamPath),
    provider: Type.Optional(
      Type.Union(
        (Object.keys(providers) as ProviderName[]).map((name) => Type.Literal(name)),
        {
          description:
            'The provider whose API the route stands in for, so that its official clients work: refusals carry the `error` that they read, and a price per token needs no `settle` and no `streams`.',
        },
      ),
    ),
    fixedResponse: Type.Optional(
      Type.Unknown({ description: 'JSON to respond with, instead of calling an upstream.' }),
    ),
    request: Type.Optional(RouteRequest),
    map: Type.Optional(FieldMap),
    response: Type.Optional(ResponseDocument),
    maxBodyBytes: Type.Optional(
      atLeast(1, 'How large a JSON body may be. Default: limits.maxBodyBytes.', oneGiB),
    ),
    timeoutMs: Type.Optional(
      atLeast(
        1,
        'How long the upstream may take for the whole response. Default: limits.upstreamTimeoutMs.',
        oneHourMs,
      ),
    ),
    price: PriceRule,
    chargeWhen: Type.Optional(ChargeCondition),
    passStatuses: Type.Optional(PassStatuses),
    conditional: Type.Optional(
      Type.Boolean({
        description:
          'Whether Range, If-Match, If-None-Match and their like reach the upstream, so that a client can ask for a part, or only for what has changed. Default: no, each call buys a whole response.',
      }),
    ),
    streams: Type.Optional(Streams),
    rateLimit: Type.Optional(
      Type.Union(
        [
          atLeast(1, "Calls in any span of the plan's first rate limit."),
          Type.Literal('free', { description: 'Calls of this endpoint count in no rate limit.' }),
        ],
        {
          description:
            "A rate limit of this endpoint's own, instead of the account's: so many calls, counted for each account and this endpoint alone; or `free`, which counts none, such as for asking whether a job is done. Default: calls count in the account's rate limit.",
        },
      ),
    ),
    rateLimits: Type.Optional(
      rateLimits(
        "Several limits of this endpoint's own, counted for each account and this endpoint alone: those of calls instead of the account's limits of calls, those of tokens instead of its limits of tokens.",
      ),
    ),
  },
  { description: 'One endpoint that is sold.' },
)

export type Route = Static<typeof Route>
