/**
 * The shape of tollbook.yaml, as its author sees it. An editor shows the descriptions while the file is written.
 * `ConfigFile` is the static type of a file that fits. What a schema cannot say (that a route's service exists, that a
 * pointer leads somewhere) is checked in semantics.ts.
 */
import { type Static, Type } from '@sinclair/typebox'
import { isMapping } from '../../lib/is-mapping.ts'
import { valueAt } from '../../lib/json-pointer.ts'
import { mapValues } from '../../lib/map-values.ts'
import { atLeast, closed, headerName, recordOf, text } from '../../lib/schema-fields.ts'
import { JsonSchema } from './json-schema-field.ts'
import { Limits, Refunds, Support } from './limits.ts'
import { Pack } from './pack.ts'
import { Plan } from './plan.ts'
import { Route } from './route.ts'
import { SellerInFile } from './seller.ts'
import { Upstream } from './service.ts'

export const Credits = closed(
  {
    name: text(
      '^[A-Za-z][A-Za-z ]{0,19}$',
      'a code such as EUR, or a word',
      'What people see beside a figure: the code of a currency, or a word.',
    ),
    decimals: Type.Integer({
      minimum: 0,
      maximum: 12,
      description:
        'How many of its decimals a credit is: with 6, a credit is a millionth. It never changes once it is published.',
    }),
  },
  {
    description:
      'How people see credits, such as €0.000150, in tables and on pages. Programs see whole credits.',
  },
)

export const ConfigFile = closed(
  {
    services: recordOf(Upstream, 'The upstreams behind the gateway, by name.'),
    routes: recordOf(
      Route,
      'The endpoints, by id. The id names the price in the ledger: never reuse it.',
    ),
    schemas: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,119}$' }), JsonSchema, {
        description: "JSON Schemas that routes share: `$ref: '#/schemas/Name'` stands for one.",
        additionalProperties: false,
      }),
    ),
    plans: recordOf(Plan, 'The plans, by name.'),
    packs: Type.Optional(recordOf(Pack, 'Packs of credits that accounts buy, by name.')),
    credits: Type.Optional(Credits),
    seller: Type.Optional(SellerInFile),
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
      Type.String({
        minLength: 1,
        description: 'Where a JWT names the organisation: a claim, or a path such as `tenant.id`.',
      }),
    ),
    roleClaim: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'Where a JWT has its roles, a list or a text with spaces: a claim such as `groups`, `scope` or `https://example.com/roles`, or a path such as `realm_access.roles`. By default `role` or `roles`.',
      }),
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
    supportRole: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'The JWT role of support, who may read everything, freeze accounts, revoke keys, and refund and grant as far as `support` says. Without it nobody is.',
      }),
    ),
    readerRole: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'The JWT role of members of an organisation who may read what is its, and change nothing.',
      }),
    ),
    support: Type.Optional(Support),
    keyHeaders: Type.Optional(
      Type.Array(headerName('A header.'), {
        description:
          'Headers in which clients may show their API key, beside X-API-Key and Authorization: those of a provider whose clients are to work unchanged, such as x-goog-api-key. They reach no upstream.',
      }),
    ),
    legacyKeys: Type.Optional(
      Type.Boolean({ description: 'Accept imported keys, which carry no checksum.' }),
    ),
  },
  { description: 'What is sold, to whom and for how much.' },
)

export type ConfigFile = Static<typeof ConfigFile>

/** The same as plain JSON Schema, for editors: `tollbook config schema` prints it. */
export const configJsonSchema: Readonly<Record<string, unknown>> = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'tollbook.yaml',
  // A round trip drops TypeBox's own symbols.
  ...JSON.parse(JSON.stringify(ConfigFile), asWritten),
}

/**
 * Of a price per token, `settle` need not be written where a provider says it; of a plan's price, nothing need but its rates,
 * where the route's own price says it.
 */
function asWritten(name: string, value: unknown): unknown {
  if (name === 'prices') return onlyRates(value)
  if (!isMapping(value) || valueAt(value, '/properties/per/const') !== 'token') return value
  const { required, properties } = value as { required: string[]; properties: { settle: object } }
  return {
    ...value,
    required: required.filter((name) => name !== 'settle'),
    properties: { ...properties, settle: { ...properties.settle, required: [] } },
  }
}

function onlyRates(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(onlyRates)
  if (!isMapping(value)) return value
  const parts = mapValues(value, onlyRates)
  if (valueAt(value, '/properties/per') === undefined) return { ...parts }
  const required = (value.required as string[]).filter(
    (field) => field === 'per' || field === 'name',
  )
  return { ...parts, required }
}
