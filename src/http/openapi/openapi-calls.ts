/**
 * The documentation of the configured calls. They are no routes of the app, which hands all of /v1 to the
 * proxy: the configuration alone says what they take, answer and cost.
 */
import type { Config, Multipart, Route } from '../../config/config.ts'
import { type JsonSchema, schemaCheck } from '../../config/json-schema.ts'
import { priceText } from '../../pricing/price-text.ts'
import type { RefusalCode } from '../../problems/refusal.ts'
import {
  bodyRefusals,
  type Content,
  type HeaderName,
  headerRefs,
  keyRefusals,
  type Operation,
  type Reference,
  type ResponseObject,
  type Responses,
  rateHeaderNames,
  refusalResponses,
  withApiKey,
} from './openapi.ts'
import { exampleOf } from './openapi-example.ts'

export interface CallsDocument {
  /** By path, then by method in lower case. */
  readonly paths: Record<string, Record<string, Operation>>
  /** The schemas of requests and answers, by name, for `#/components/schemas`. */
  readonly schemas: Record<string, JsonSchema>
  readonly tags: readonly { readonly name: string; readonly description: string }[]
}

export function callsDocument({ routes }: Pick<Config, 'routes'>): CallsDocument {
  const paths: CallsDocument['paths'] = {}
  const schemas: Schemas = {}
  const permissions = new Set<string>()
  for (const route of Object.values(routes)) {
    const { path, method, permission } = route
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(route, schemas) }
    permissions.add(permission)
  }
  const tags = [...permissions].map((permission) => ({
    name: permission,
    description: `Calls of a key that has the permission \`${permission}\`.`,
  }))
  return { paths, schemas, tags }
}

type Schemas = CallsDocument['schemas']

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Names the call, so that trying it again is safe: the same key with the same request is executed and ' +
    'charged once, and answered again for at least 24 hours.',
  schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
} as const

function operation(route: Route, schemas: Schemas): Operation {
  const body = requestContent(route, schemas)
  return {
    operationId: route.id,
    summary: route.summary,
    description: `${priceText(route)}\n\nAs configured; the price in force, and those announced, are at \`/v1/prices\`.`,
    tags: [route.permission],
    security: withApiKey,
    ...(route.price.per !== 'free' && { parameters: [idempotencyKey] }),
    ...(body && { requestBody: { required: true, content: body } }),
    responses: responses(route, schemas),
    'x-price': route.price,
  }
}

function requestContent({ id, request }: Route, schemas: Schemas): Content | undefined {
  if (request === undefined) return undefined
  const name = `${id}.request`
  if ('json' in request) return { 'application/json': jsonContent(name, request.json, schemas) }
  const { file, types } = request.multipart
  return {
    'multipart/form-data': {
      schema: named(name, formSchema(request.multipart), schemas),
      encoding: { [file]: { contentType: types.join(', ') } },
    },
  }
}

/** The fields of the form, the file among them. */
function formSchema({ file, fields = {}, types, maxBytes }: Multipart): JsonSchema {
  const { properties, required } = fields
  const size = maxBytes.toLocaleString('en')
  return {
    ...fields,
    type: 'object',
    required: [file, ...(Array.isArray(required) ? required : [])],
    properties: {
      [file]: {
        type: 'string',
        format: 'binary',
        description: `${types.join(', ')}; the whole form may have ${size} bytes.`,
      },
      ...(typeof properties === 'object' ? properties : {}),
    },
  }
}

function responses(route: Route, schemas: Schemas): Responses {
  const priced = route.price.per !== 'free'
  const money: HeaderName[] = priced
    ? ['X-Credits-Charged', 'X-Credits-Remaining', 'X-Ledger-Position']
    : []
  const refused = refusalResponses(refusalsOf(route), (status) => [
    ...(status > 500 ? money : money.slice(0, 1)),
    ...(beforeTheWindow.has(status) ? [] : rateHeaderNames),
  ])
  // What is metered along the way is known when its head is long gone.
  const metered = route.price.per === 'byte' || route.streams !== undefined
  const done = metered
    ? 'Done, and charged. The head of a stream carries the position of its hold, and not what it will cost.'
    : 'Done, and charged.'
  return {
    200: {
      description: priced ? done : 'Done.',
      headers: headerRefs([
        'X-Request-Id',
        ...money,
        ...(priced ? (['Idempotent-Replayed'] as const) : []),
        ...rateHeaderNames,
      ]),
      content: answerContent(route, schemas),
    },
    ...refused,
    ...(route.target.kind === 'upstream' && passedOn(refused, money)),
  }
}

function answerContent({ id, response, target, streams }: Route, schemas: Schemas): Content {
  if (response && 'binary' in response) {
    return { [response.binary]: { schema: { type: 'string', format: 'binary' } } }
  }
  const content = jsonContent(`${id}.response`, response?.json ?? {}, schemas)
  // An answer that stands in the configuration is its own example.
  const example = target.kind === 'fixed' ? { example: target.json } : {}
  const events = streams && { 'text/event-stream': { schema: { type: 'string' } } }
  return { 'application/json': { ...content, ...example }, ...events }
}

/** A body's schema, and an example where one can be made that fits it. */
function jsonContent(name: string, schema: JsonSchema, schemas: Schemas) {
  const example = exampleOf(schema)
  const fits = example !== undefined && schemaCheck(schema)(example, false).length === 0
  return { schema: named(name, schema, schemas), ...(fits && { example }) }
}

/** Puts the schema among the named ones and answers its reference. */
function named(name: string, schema: JsonSchema, schemas: Schemas): Reference {
  const $ref = `#/components/schemas/${name}`
  schemas[name] = rebased(schema, $ref) as JsonSchema
  return { $ref }
}

/** What is data in a schema, and has no references in it. */
const dataWords = new Set(['const', 'default', 'enum', 'example', 'examples'])

/** The schema with its references into itself leading to where it stands in the document. */
function rebased(schema: unknown, at: string): unknown {
  if (Array.isArray(schema)) return schema.map((part) => rebased(part, at))
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.entries(schema).map(([word, part]) => {
    if (dataWords.has(word)) return [word, part]
    const inner = word === '$ref' && typeof part === 'string' && /^#(\/|$)/.test(part)
    return [word, inner ? at + part.slice(1) : rebased(part, at)]
  })
  return Object.fromEntries(parts)
}

/** Every way in which the gateway refuses a call of this route, in the order in which it looks. */
function refusalsOf({ request, target, price }: Route): RefusalCode[] {
  const codes: RefusalCode[] = [...keyRefusals, 'endpoint_not_allowed']
  if (request) codes.push(...bodyRefusals, 'bodies_too_large')
  else if (price.per !== 'free') codes.push('invalid_request')
  codes.push('rate_limited')
  if (price.per !== 'free') {
    codes.push('insufficient_credits', 'key_cap_reached', 'concurrency_exceeded')
    codes.push('idempotency_mismatch', 'idempotency_in_progress')
    codes.push('outcome_unknown', 'answer_not_stored')
  }
  codes.push('internal', 'ledger_unavailable', 'price_missing')
  if (target.kind === 'upstream') {
    codes.push('upstream_unreachable', 'upstream_failed', 'upstream_busy', 'upstream_timeout')
  }
  return codes
}

/**
 * Refusals after which no place in the window was asked for, so they cannot say how it stands. Those of a
 * key may come before or after: the ledger has the last word on it.
 */
const beforeTheWindow: ReadonlySet<number> = new Set([400, 408, 413, 415, 500])

/** The service's refusals of the request itself, which are passed on beside the gateway's own. */
function passedOn(refused: Responses, money: readonly HeaderName[]): Responses {
  const note = "The service's own refusal, passed on uncharged."
  const responses = ['400', '404', '413', '415', '422'].map((status): [string, ResponseObject] => {
    const { description, headers, content } = refused[status] ?? {}
    return [
      status,
      {
        description: description === undefined ? note : `${description} Or: ${note}`,
        headers: {
          ...headers,
          ...headerRefs(['X-Request-Id', 'X-Error-Source', ...money, ...rateHeaderNames]),
        },
        content: { ...content, '*/*': {} },
      },
    ]
  })
  return Object.fromEntries(responses)
}
