/**
 * Examples for the API documentation, made from the schemas: the least that fits, and whatever carries
 * `examples` of its own. A text without one is given by its field's name where we know such a name.
 */
import type { JsonSchema } from '../config/json-schema.ts'
import { valueAt } from '../pointer.ts'

/** Deeper than any of our schemas; one that refers to itself ends here. */
const maxDepth = 12

/** A value that fits the schema, as far as examples and types tell; undefined where they do not. */
export function exampleOf(schema: JsonSchema): unknown {
  return example(schema, { root: schema, name: '', depth: 0 })
}

interface Place {
  /** What `#/…` refers to. */
  readonly root: JsonSchema
  /** The field's name. */
  readonly name: string
  readonly depth: number
}

function example(schema: unknown, place: Place): unknown {
  if (!isSchema(schema) || place.depth > maxDepth) return undefined
  const { examples, enum: values, anyOf, oneOf, allOf, $ref } = schema
  for (const list of [examples, values]) if (Array.isArray(list)) return list[0]
  for (const word of ['example', 'const', 'default']) if (word in schema) return schema[word]
  const inner = { ...place, depth: place.depth + 1 }
  if (typeof $ref === 'string') return example(valueAt(place.root, $ref.replace(/^#/, '')), inner)
  for (const list of [anyOf, oneOf, allOf]) if (Array.isArray(list)) return example(list[0], inner)
  return ofType(schema, inner)
}

function ofType(schema: JsonSchema, place: Place): unknown {
  switch ([schema.type].flat()[0]) {
    case 'object':
      return Object.fromEntries(fields(schema, place))
    case 'array': {
      const item = example(schema.items, place)
      return item === undefined ? [] : [item]
    }
    case 'string':
      return named[place.name] ?? 'text'
    case 'integer':
    case 'number':
      return schema.minimum ?? 1
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return undefined
  }
}

function fields(schema: JsonSchema, place: Place): [string, unknown][] {
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries(isSchema(schema.properties) ? schema.properties : {})
    .filter(([name, property]) => required.includes(name) || hasExample(property, 0))
    .map(([name, property]): [string, unknown] => [name, example(property, { ...place, name })])
    .filter(([, value]) => value !== undefined)
}

/** Whether the schema, or a field or an item in it, carries an example. */
function hasExample(schema: unknown, depth: number): boolean {
  if (!isSchema(schema) || depth > maxDepth) return false
  if (Array.isArray(schema.examples)) return true
  const { properties, items } = schema
  const parts = [items, ...Object.values(isSchema(properties) ? properties : {})]
  return parts.some((part) => hasExample(part, depth + 1))
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const time = '2026-01-31T12:00:00.000Z'

/** What the gateway's own fields look like. */
const named: Readonly<Record<string, string>> = {
  accountId: 'acc_4fTq0bYxP2mVn8RkWzL1sD',
  actor: 'key:key_7HcJ9aXe3NvQ5tGyUoB2wM',
  createdAt: time,
  creditsResetAt: '2026-02-01T00:00:00.000Z',
  currency: 'EUR',
  date: '2026-01-31',
  display: 'sk_live_…9q2X',
  endpoint: 'search',
  expiresAt: '2026-12-31T23:59:59.000Z',
  externalId: 'invoice-2026-0042',
  from: '2026-01-01T00:00:00.000Z',
  hash: '3f5e1a2b9c0d4e6f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f',
  heldAt: time,
  id: 'key_7HcJ9aXe3NvQ5tGyUoB2wM',
  key: 'sk_live_0K4fT…',
  keyId: 'key_7HcJ9aXe3NvQ5tGyUoB2wM',
  keyPrefix: 'sk_live_…9q2X',
  lastUsedAt: time,
  lot: '0-1200',
  message: 'Done.',
  month: '2026-01',
  name: 'Production',
  nextCursor: '0-1234',
  occurredAt: time,
  openedAt: time,
  plan: 'pro',
  position: '0-1234',
  recordedAt: time,
  requestId: '019b0f6e-7c1a-7d2b-8e3c-4f5a6b7c8d9e',
  settledAt: time,
  startsAt: '2026-01-01T00:00:00.000Z',
  stream: 'key-key_7HcJ9aXe3NvQ5tGyUoB2wM',
  tariff: '3f5e1a2b9c0d4e6f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f',
  tier: 'pro',
  type: 'HoldSettled',
  until: '2026-02-01T00:00:00.000Z',
  updatedAt: time,
  userId: 'user-1',
}
