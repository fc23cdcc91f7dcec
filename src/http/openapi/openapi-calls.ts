/**
 * The documentation of the configured calls. They are not routes of the app, which hands all of /v1 to the proxy:
 * the configuration alone says what they take, what they return and what they cost.
 */
import type { Config, Route } from '../../config/config.ts'
import type { JsonSchema } from '../../config/json-schema.ts'
import { nameOperations, operationKey } from '../../config/operation-ids.ts'
import type { CreditScale } from '../../lib/credit-scale.ts'
import { type Method, takesBody } from '../../lib/http-methods.ts'
import { countedLimits, limitsText } from '../../lib/rate-limits.ts'
import { isPassedOn } from '../../pricing/charge-condition.ts'
import { isFree, meteredComponent } from '../../pricing/price-rule.ts'
import { priceText } from '../../pricing/price-text.ts'
import { hasTiers } from '../../pricing/tiered-part.ts'
import { codesOf, type RouteTrait } from '../../problems/refusal.ts'
import { type HeaderName, headerRefs, rateHeaderNames } from './openapi-headers.ts'
import { documentedPath, urlParameters } from './openapi-parameters.ts'
import { forClientsOf } from './openapi-provider.ts'
import { refusalResponses } from './openapi-refusals.ts'
import { requestBody } from './openapi-request.ts'
import { jsonContent, named, type Schemas } from './openapi-schemas.ts'
import { type Security, withApiKey } from './openapi-security.ts'
import type { Content, Operation, Paths, ResponseObject, Responses } from './openapi-types.ts'

interface CallsDocument {
  readonly paths: Paths
  /** The schemas of requests and responses, by name, for `#/components/schemas`. */
  readonly schemas: Record<string, JsonSchema>
  readonly tags: readonly { readonly name: string; readonly description: string }[]
}

/** What of the configuration is documented. */
export type DocumentedConfig = Pick<
  Config,
  'routes' | 'schemas' | 'keyHeaders' | 'credits' | 'plans'
>

export function callsDocument(config: DocumentedConfig): CallsDocument {
  const steps = documentCalls(config)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** The same while calls go on: hundreds of routes can take seconds. */
export async function callsDocumentInSteps(config: DocumentedConfig): Promise<CallsDocument> {
  const steps = documentCalls(config)
  for (let sinceMs = performance.now(); ; ) {
    const { done, value } = steps.next()
    if (done) return value
    if (performance.now() - sinceMs < maxBusyMs) continue
    await new Promise<void>((resolve) => setImmediate(resolve))
    sinceMs = performance.now()
  }
}

const maxBusyMs = 10

/** Route after route. */
function* documentCalls({
  routes,
  schemas: namedSchemas = {},
  keyHeaders,
  credits,
  plans,
}: DocumentedConfig): Generator<undefined, CallsDocument> {
  const paths: Record<string, Record<string, Operation>> = {}
  const schemas: Schemas = {}
  const keySecurity = withApiKey(keyHeaders)
  for (const [name, schema] of Object.entries(namedSchemas)) named(name, schema, schemas)
  const permissions = new Set<string>()
  const names = nameOperations(Object.values(routes))
  for (const route of Object.values(routes)) {
    const path = documentedPath(route)
    for (const method of route.methods) {
      paths[path] = {
        ...paths[path],
        [method.toLowerCase()]: {
          operationId: names.get(operationKey(route, method)) ?? '',
          ...operation(route, method, schemas, keySecurity, pricesText(route, plans, credits)),
        },
      }
    }
    permissions.add(route.permission)
    yield
  }
  const tags = [...permissions].map((permission) => ({
    name: permission,
    description: `Calls of a key that has the permission \`${permission}\`.`,
  }))
  return { paths, schemas, tags }
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Names the call, such as `order-2026-0042`, so that trying it again is safe: the same key with the same request ' +
    'is executed and charged once, and its response is sent again for at least 24 hours.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
} as const

/** What a client of a `conditional` route can ask for. */
const conditionalHeaders = (
  [
    ['Range', 'A part of the response, such as `bytes=0-1023`: 206, charged as the whole.'],
    ['If-Range', 'With Range: the part only if nothing has changed, else the whole.'],
    ['If-None-Match', 'The response only if it has another ETag: else 304.'],
    ['If-Modified-Since', 'The response only if it has changed since: else 304.'],
    ['If-Match', 'Only if the ETag is still this one.'],
    ['If-Unmodified-Since', 'Only if nothing has changed since.'],
  ] as const
).map(([name, description]) => ({
  ...{ name, in: 'header', required: false, description },
  schema: { type: 'string' },
}))

function operation(
  route: Route,
  method: Method,
  schemas: Schemas,
  keySecurity: Security,
  prices: string,
): Omit<Operation, 'operationId'> {
  const { methods, summary, permission } = route
  const body = takesBody(methods, method) ? requestBody(route, schemas) : undefined
  return {
    summary,
    description: `${prices}\n\nAs configured; the price in force, and those announced, are at \`/v1/prices\`.${rateLimitText(route)}`,
    tags: [permission],
    security: keySecurity,
    parameters: [
      ...urlParameters(route),
      idempotencyKey,
      ...(route.conditional ? conditionalHeaders : []),
    ],
    ...(body && { requestBody: body }),
    responses: responses(route, method, schemas),
    'x-price': route.price,
  }
}

/** The route's price, and what it costs in plans that have one of their own for it. */
function pricesText(
  route: Route,
  plans: Config['plans'],
  credits: CreditScale | undefined,
): string {
  const ofPlans = Object.entries(plans).flatMap(([plan, { prices = {} }]) => {
    const price = Object.hasOwn(prices, route.id) ? prices[route.id] : undefined
    return price ? [`In plan \`${plan}\`: ${priceText({ price }, credits)}`] : []
  })
  return [priceText(route, credits), ...ofPlans].join('\n\n')
}

function responses(route: Route, method: Method, schemas: Schemas): Responses {
  const creditHeaders: HeaderName[] = [
    'X-Credits-Charged',
    'X-Credits-Remaining',
    'X-Ledger-Position',
  ]
  const rateHeaders = rateHeadersOf(route)
  const codes = codesOf(traitsOf(route, method))
  const ofGateway = refusalResponses(codes, (status) => [
    ...(status > 500 ? creditHeaders : creditHeaders.slice(0, 1)),
    // A refusal before the permit is taken, as of a query or a key, does not say how the limit stands.
    ...(status === 500 ? [] : rateHeaders),
  ])
  const refused = forClientsOf(route.provider, ofGateway)
  const done: ResponseObject = {
    description: doneText(route),
    headers: headerRefs(['X-Request-Id', ...creditHeaders, 'Idempotent-Replayed', ...rateHeaders]),
    ...(method !== 'HEAD' && { content: responseContent(route, schemas) }),
  }
  return {
    200: done,
    ...(route.target.kind === 'upstream' && { '2XX': { ...done, description: otherText(route) } }),
    ...(route.conditional && {
      206: { ...done, description: 'The part that was asked for, and charged.' },
      304: { ...done, description: 'Not modified, and not charged.', content: {} },
    }),
    ...refused,
    ...(route.target.kind === 'upstream' && upstreamRefusals(route, refused, creditHeaders)),
  }
}

/** What a metered call costs is not known yet when the head of its response is sent. */
function doneText({ price, streams }: Route): string {
  if (isFree(price)) {
    return 'Done. With an Idempotency-Key it says what it was charged, which is 0, and where it stands in the ledger.'
  }
  if (hasTiers(price)) {
    return 'Done, and charged. The head of a long response does not say what it costs, which the month decides when it is charged.'
  }
  const isByPart = streams !== undefined || meteredComponent(price)?.per === 'byte'
  return isByPart
    ? 'Done, and charged. The head of a stream carries the position of its hold, and not what it will cost.'
    : 'Done, and charged.'
}

/** An upstream has more than one success: 201, 202, and 204, which has no body. */
function otherText({ price, chargeWhen }: Route): string {
  const text = "Another success of the upstream's, such as 201, 202 or 204 (without a body)"
  if (isFree(price)) return `${text}.`
  if (chargeWhen === undefined) return `${text}, and charged.`
  return 'status' in chargeWhen
    ? `${text}. Charged are ${chargeWhen.status.join(', ')}.`
    : `${text}. It is charged where the condition of the route is met.`
}

function responseContent({ id, response, target, streams }: Route, schemas: Schemas): Content {
  if (response && 'binary' in response) {
    return { [response.binary]: { schema: { type: 'string', format: 'binary' } } }
  }
  const content = jsonContent(`${id}.response`, response?.json ?? {}, schemas)
  // A response that stands in the configuration is its own example.
  const example = target.kind === 'fixed' ? { example: target.json } : {}
  const events = streams && { 'text/event-stream': { schema: { type: 'string' } } }
  return { 'application/json': { ...content, ...example }, ...events }
}

/** The headers that say how the rate limit stands; none where no limit counts the call. */
function rateHeadersOf({ rateLimit }: Route): readonly HeaderName[] {
  return rateLimit === 'free' ? [] : rateHeaderNames
}

/** Nothing where the account's limit counts the call, as it does all others. */
function rateLimitText({ rateLimit, rateLimits }: Route): string {
  if (rateLimits) {
    const limits = limitsText(countedLimits(rateLimits))
    return `\n\nIt has rate limits of its own, ${limits}, which hold instead of the account's.`
  }
  if (rateLimit === undefined) return ''
  const text =
    rateLimit === 'free'
      ? 'Its calls count in no rate limit; how many are in flight at once is limited.'
      : `It has a rate limit of its own, ${rateLimit.toLocaleString('en')} calls in the span of the plan's, and its calls do not count in the account's.`
  return `\n\n${text}`
}

function traitsOf(
  { methods, request, target, price, rateLimit }: Route,
  method: Method,
): RouteTrait[] {
  const isPriced = !isFree(price)
  return [
    ...(['any', 'apiKey', 'call'] as const),
    ...(request && takesBody(methods, method) ? (['body', 'callWithBody'] as const) : []),
    ...(isPriced ? (['pricedCall'] as const) : []),
    ...(rateLimit === 'free' ? [] : (['limitedCall'] as const)),
    ...(target.kind === 'upstream' ? (['upstream'] as const) : []),
  ]
}

/** Whatever the upstream sent, as it sent it. A schema without a type would take the type of `code` from clients. */
const upstreamBytes = { type: 'string', format: 'binary' }

/** An upstream's own refusals, passed on beside those of the gateway. */
function upstreamRefusals(
  route: Route,
  refused: Responses,
  creditHeaders: readonly HeaderName[],
): Responses {
  const { chargeWhen, passStatuses = [] } = route
  const charged = chargeWhen && 'status' in chargeWhen ? chargeWhen.status : []
  const own = Object.keys(refused).filter((status) => +status >= 400 && isPassedOn(+status, route))
  const known = ['400', '404', '413', '415', '422', ...own]
  const statuses = new Set([...known, ...[...passStatuses, ...charged].map(String)])
  const all = [...statuses].filter((status) => +status >= 400).sort()
  const responses = [...all, '4XX'].map((status): [string, ResponseObject] => {
    const isCharged = charged.includes(+status)
    const note = `The upstream's own refusal, passed on ${isCharged ? 'and charged' : 'uncharged'}.`
    const { description, headers, content } = refused[status] ?? {}
    return [
      status,
      {
        description: description === undefined ? note : `${description} Or: ${note}`,
        headers: {
          ...headers,
          ...headerRefs([
            ...(['X-Request-Id', 'X-Error-Source'] as const),
            ...[...creditHeaders, ...rateHeadersOf(route)],
          ]),
        },
        content: { ...content, '*/*': { schema: upstreamBytes } },
      },
    ]
  })
  return Object.fromEntries(responses)
}
