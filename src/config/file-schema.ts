/**
 * The shape of tollbook.yaml, as its author sees it. An editor shows the descriptions while the file is written.
 * `ConfigFile` is the static type of a file that fits. What a schema cannot say (that a route's service exists, that a
 * pointer leads somewhere) is checked in semantics.ts.
 */
import { type Static, Type } from '@sinclair/typebox'
import { maxAmount } from '../../events/bounds.ts'
import { atLeast, closed, namePattern, recordOf, text, url } from '../lib/schema-fields.ts'
import { Condition } from '../pricing/condition.ts'
import { PriceRule } from '../pricing/price-rule.ts'

const segment = '/(?!\\.\\.?(/|$))[A-Za-z0-9_.~-]+'
const oneHourMs = 3_600_000
const oneGiB = 1_073_741_824

const JsonSchema = Type.Record(Type.String(), Type.Unknown(), {
  description: 'A JSON Schema (2020-12).',
})

const Upstream = closed(
  {
    urlEnv: Type.Optional(
      text(
        '^[A-Z][A-Z0-9_]*$',
        'the name of an environment variable',
        'The environment variable that holds the address; when set, it wins over `url`.',
      ),
    ),
    url: Type.Optional(url('The address that live keys call.')),
    testUrl: Type.Optional(url('The address that test keys call. Absent: the demo service.')),
    demo: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The demo service that stands in, labelled as such, where no address is set.',
      }),
    ),
  },
  { description: 'An upstream: a server behind the gateway.' },
)

const JsonRequest = closed(
  { json: JsonSchema },
  { description: 'The body is JSON and must fit this schema.' },
)

const MultipartRequest = closed(
  {
    multipart: closed(
      {
        file: Type.String({ minLength: 1, description: 'The field that carries the file.' }),
        fields: Type.Optional(JsonSchema),
        maxBytes: atLeast(1, 'How large the whole form may be, file and all.', oneGiB),
        types: Type.Array(
          text(
            '^[a-z]+/(\\*|[a-z0-9.+-]+)$',
            'a media type such as audio/* or audio/mpeg',
            'A media type.',
          ),
          { minItems: 1, description: 'The media types that the file may have.' },
        ),
      },
      { description: 'A form with one file; its other fields are text and must fit `fields`.' },
    ),
  },
  { description: 'The body is a form with a file.' },
)

const FieldSource = closed(
  {
    from: Type.String({ minLength: 1, description: 'Our field.' }),
    default: Type.Optional(Type.Unknown({ description: 'Sent when our field is absent.' })),
    values: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Our values by theirs, for texts that differ; others are sent as they are.',
      }),
    ),
  },
  { description: 'Where their field comes from.' },
)

const Method = Type.Union(
  [
    Type.Literal('GET'),
    Type.Literal('POST'),
    Type.Literal('PUT'),
    Type.Literal('PATCH'),
    Type.Literal('DELETE'),
  ],
  { description: 'The HTTP method.' },
)

const FieldMap = Type.Record(
  Type.String({ minLength: 1 }),
  Type.Union([Type.String({ minLength: 1 }), FieldSource]),
  {
    description:
      "Their JSON body's fields and where each comes from: `theirs: ours`, or `theirs: {from: ours, default, values}`. Absent: our body is sent byte for byte.",
  },
)

const ResponseDocument = Type.Union(
  [
    closed({ json: JsonSchema }, { description: 'A JSON response.' }),
    closed(
      { binary: Type.String({ minLength: 1, description: 'Its media type.' }) },
      { description: 'A binary response.' },
    ),
  ],
  {
    description: 'The response, `json` or `binary`: documentation, not checked at run time.',
  },
)

const Streams = closed(
  {
    when: Condition,
    send: Type.Optional(
      Type.Record(Type.String({ minLength: 1 }), Type.Unknown(), {
        description:
          "Laid over such a request's JSON before it is sent: objects are merged, all else replaces.",
      }),
    ),
  },
  {
    description:
      'Which requests ask for a response event by event (text/event-stream), for a price per token: they hold a step at a time.',
  },
)

const Route = closed(
  {
    method: Method,
    path: text(
      `^/v1(${segment})+$`,
      'a path such as /v1/search',
      'The public path, matched exactly.',
    ),
    summary: Type.String({ minLength: 1, description: 'One line for the API documentation.' }),
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
    upstreamPath: Type.Optional(
      text(`^(/|(${segment})+)$`, 'a path such as /api/search', "The path on the upstream's side."),
    ),
    fixedResponse: Type.Optional(
      Type.Unknown({ description: 'JSON to respond with, instead of calling an upstream.' }),
    ),
    request: Type.Optional(
      Type.Union([JsonRequest, MultipartRequest], {
        description: 'The body, `json` or `multipart`. Absent: the route takes none.',
      }),
    ),
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
    chargeWhen: Type.Optional(Condition),
    streams: Type.Optional(Streams),
  },
  { description: 'One endpoint that is sold.' },
)

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

const Limits = closed(
  {
    maxBodyBytes: Type.Optional(atLeast(1, 'How large a JSON body may be.', oneGiB)),
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
        'How many bytes a gateway holds at once of all bodies of more than 64 KiB.',
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
    fenceAfterSeconds: Type.Optional(
      atLeast(
        10,
        'A gateway that the ledger has not heard of for so long is fenced: it can deliver nothing more of what it charged before.',
        3_600,
      ),
    ),
  },
  { description: 'Sizes and times.' },
)

const Refunds = closed(
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

export const ConfigFile = closed(
  {
    services: recordOf(Upstream, 'The upstreams behind the gateway, by name.'),
    routes: recordOf(
      Route,
      'The endpoints, by id. The id names the price in the ledger: never reuse it.',
    ),
    plans: recordOf(Plan, 'The plans, by name.'),
    defaultPlan: Type.String({ description: 'The plan of a new account.' }),
    limits: Type.Optional(Limits),
    refunds: Type.Optional(Refunds),
    gateways: Type.Optional(
      atLeast(
        1,
        'How many gateways run: while Redis is away, each admits this part of a rate limit.',
      ),
    ),
    trustedProxies: Type.Optional(
      atLeast(0, 'How many proxies in front append to X-Forwarded-For: 0 trusts the socket alone.'),
    ),
    organisationClaim: Type.Optional(
      Type.String({ minLength: 1, description: 'The JWT claim that names the organisation.' }),
    ),
    adminRole: Type.Optional(
      Type.String({ minLength: 1, description: 'The JWT role of operators.' }),
    ),
    auditorRole: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The JWT role of auditors, who may read everything.',
      }),
    ),
    legacyKeys: Type.Optional(
      Type.Boolean({ description: 'Accept imported keys, which carry no checksum.' }),
    ),
  },
  { description: 'What is sold, to whom and for how much.' },
)

export type ConfigFile = Static<typeof ConfigFile>
export type Upstream = Static<typeof Upstream>
export type Route = Static<typeof Route>
export type Plan = Static<typeof Plan>

/** The same as plain JSON Schema, for editors: `tollbook config schema` prints it. */
export const configJsonSchema: Readonly<Record<string, unknown>> = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'tollbook.yaml',
  // A round trip drops TypeBox's own symbols.
  ...JSON.parse(JSON.stringify(ConfigFile)),
}
