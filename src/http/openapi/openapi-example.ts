/**
 * Examples for the API documentation, made from the schemas: required fields, and all fields that have `examples`
 * of their own.
 */

import type { JsonSchema } from '../../config/json-schema.ts'
import { isMapping } from '../../lib/is-mapping.ts'
import { valueAt } from '../../lib/json-pointer.ts'
import { dereferenced } from '../../lib/named-schemas.ts'

/** No schema of ours is so deep; one that refers to itself ends here. */
const maxDepth = 12

/**
 * A value that fits the schema, as far as its examples and types say; undefined where they do not.
 * @param byName examples for fields whose schema has none, by their names
 */
export function exampleOf(
  schema: JsonSchema,
  byName: Readonly<Record<string, unknown>> = {},
): unknown {
  return example(schema, { root: schema, byName, name: '', depth: 0 })
}

/** Where in the schema an example is made. */
interface Spot {
  /** What `#/…` refers to. */
  readonly root: JsonSchema
  readonly byName: Readonly<Record<string, unknown>>
  /** The field's name. */
  readonly name: string
  readonly depth: number
}

function example(schema: unknown, spot: Spot): unknown {
  if (!isMapping(schema) || spot.depth > maxDepth) return undefined
  const { examples, enum: values, anyOf, oneOf, allOf, $ref } = schema
  const known = Object.hasOwn(spot.byName, spot.name) ? spot.byName[spot.name] : undefined
  if (!Array.isArray(examples) && isOfType(schema, known)) return known
  for (const list of [examples, values]) if (Array.isArray(list)) return list[0]
  for (const keyword of ['example', 'const', 'default']) {
    if (keyword in schema) return schema[keyword]
  }
  const inner = { ...spot, depth: spot.depth + 1 }
  if (typeof $ref === 'string') return example(...referred(schema, $ref, inner))
  if (Array.isArray(allOf)) return exampleOfAll(schema, allOf, inner)
  const [choice] = [anyOf, oneOf].flatMap((list) => (Array.isArray(list) ? list : []))
  if (choice === undefined) return ofType(schema, inner)
  return isMapping(schema.properties)
    ? ofType(withChoice(schema, choice), inner)
    : example(choice, inner)
}

/** Fields of all the schemas, or the first value that is no object. */
function exampleOfAll({ allOf: _, ...own }: JsonSchema, all: unknown[], spot: Spot): unknown {
  const values = [...all, own].map((part) => example(part, spot))
  const known = values.filter((value) => value !== undefined)
  return known.every(isMapping) && known.length > 0 ? Object.assign({}, ...known) : known[0]
}

/** The object with what its first choice says of its fields. */
function withChoice({ anyOf: _, oneOf: __, ...schema }: JsonSchema, found: unknown): JsonSchema {
  const choice = isMapping(found) ? dereferenced(found) : {}
  const required = [schema.required, choice.required].flatMap((list) =>
    Array.isArray(list) ? list : [],
  )
  const properties = { ...(schema.properties as object), ...(choice.properties as object) }
  return { ...schema, type: 'object', required, properties }
}

/** What a reference leads to: a schema that the configuration names, which is a document of its own, or a part of this one. */
function referred(schema: JsonSchema, $ref: string, spot: Spot): [unknown, Spot] {
  const named = dereferenced(schema)
  if (named !== schema) return [named, { ...spot, root: named }]
  return [valueAt(spot.root, $ref.replace(/^#/, '')), spot]
}

function ofType(schema: JsonSchema, spot: Spot): unknown {
  switch ([schema.type].flat()[0]) {
    case 'object':
      return Object.fromEntries(fields(schema, spot))
    case 'array': {
      const item = example(schema.items, spot)
      const count = typeof schema.minItems === 'number' ? Math.min(schema.minItems, maxItems) : 1
      return item === undefined ? [] : Array.from({ length: Math.max(count, 1) }, () => item)
    }
    case 'string':
      return textOf(schema)
    case 'integer':
    case 'number':
      return numberOf(schema)
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return undefined
  }
}

const maxItems = 10

function textOf({ format, minLength, maxLength }: JsonSchema): string {
  const known = textByFormat.get(String(format))
  if (known !== undefined) return known
  const text = 'text'.padEnd(
    typeof minLength === 'number' ? Math.min(minLength, 1_000) : 0,
    ' text',
  )
  return typeof maxLength === 'number' ? text.slice(0, Math.max(maxLength, 0)) : text
}

const textByFormat = new Map([
  ['date-time', '2025-01-31T12:00:00Z'],
  ['date', '2025-01-31'],
  ['time', '12:00:00Z'],
  ['duration', 'P1D'],
  ['email', 'someone@example.com'],
  ['hostname', 'example.com'],
  ['ipv4', '192.0.2.1'],
  ['ipv6', '2001:db8::1'],
  ['uri', 'https://example.com/'],
  ['url', 'https://example.com/'],
  ['uuid', '00000000-0000-4000-8000-000000000000'],
  ['byte', 'dGV4dA=='],
])

function numberOf({ minimum, exclusiveMinimum, maximum, multipleOf }: JsonSchema): unknown {
  if (typeof minimum === 'number') return minimum
  if (typeof exclusiveMinimum === 'number') return exclusiveMinimum + 1
  if (typeof multipleOf === 'number') return multipleOf
  return typeof maximum === 'number' && maximum < 1 ? maximum : 1
}

function fields(schema: JsonSchema, spot: Spot): [string, unknown][] {
  const properties = isMapping(schema.properties) ? schema.properties : {}
  const given: unknown[] = Array.isArray(schema.required) ? schema.required : []
  const needsOne = given.length === 0 && Number(schema.minProperties ?? 0) > 0
  const required = needsOne ? Object.keys(properties).slice(0, 1) : given
  const others = required.filter((name) => !Object.hasOwn(properties, String(name)))
  return [
    ...Object.entries(properties).filter(
      ([name, property]) => required.includes(name) || hasExample(property, 0),
    ),
    ...others.map((name): [string, unknown] => [String(name), schema.additionalProperties]),
  ]
    .map(([name, property]): [string, unknown] => {
      const value = example(property, { ...spot, name })
      return [name, value === undefined && others.includes(name) ? 'text' : value]
    })
    .filter(([, value]) => value !== undefined)
}

/** Whether the schema, or a field or an item in it, has an example. */
function hasExample(found: unknown, depth: number): boolean {
  if (!isMapping(found) || depth > maxDepth) return false
  const schema = dereferenced(found)
  if (Array.isArray(schema.examples)) return true
  const { properties, items } = schema
  const parts = [items, ...Object.values(isMapping(properties) ? properties : {})]
  return parts.some((part) => hasExample(part, depth + 1))
}

/** Whether the value is of a type that the schema names. Of a list, the items must be, too. */
function isOfType(schema: unknown, value: unknown): boolean {
  if (!isMapping(schema)) return false
  const { type, anyOf, items } = schema
  if ('const' in schema) return value === schema.const
  if (Array.isArray(anyOf)) return anyOf.some((part) => isOfType(part, value))
  if (Array.isArray(value)) return type === 'array' && value.every((item) => isOfType(items, item))
  if (value === null) return type === 'null'
  if (Number.isInteger(value)) return type === 'integer' || type === 'number'
  return typeof value === type
}
