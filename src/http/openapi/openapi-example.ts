/**
 * Examples for the API documentation, made from the schemas: required fields, and all fields that have `examples`
 * of their own.
 */
import type { JsonSchema } from '../../config/json-schema.ts'
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
  if (!isSchema(schema) || spot.depth > maxDepth) return undefined
  const { examples, enum: values, anyOf, oneOf, allOf, $ref } = schema
  const known = Object.hasOwn(spot.byName, spot.name) ? spot.byName[spot.name] : undefined
  if (!Array.isArray(examples) && isOfType(schema, known)) return known
  for (const list of [examples, values]) if (Array.isArray(list)) return list[0]
  for (const keyword of ['example', 'const', 'default']) {
    if (keyword in schema) return schema[keyword]
  }
  const inner = { ...spot, depth: spot.depth + 1 }
  if (typeof $ref === 'string') return example(...referred(schema, $ref, inner))
  for (const list of [anyOf, oneOf, allOf]) if (Array.isArray(list)) return example(list[0], inner)
  return ofType(schema, inner)
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
      return item === undefined ? [] : [item]
    }
    case 'string':
      return 'text'
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

function fields(schema: JsonSchema, spot: Spot): [string, unknown][] {
  const required = Array.isArray(schema.required) ? schema.required : []
  return Object.entries(isSchema(schema.properties) ? schema.properties : {})
    .filter(([name, property]) => required.includes(name) || hasExample(property, 0))
    .map(([name, property]): [string, unknown] => [name, example(property, { ...spot, name })])
    .filter(([, value]) => value !== undefined)
}

/** Whether the schema, or a field or an item in it, has an example. */
function hasExample(found: unknown, depth: number): boolean {
  if (!isSchema(found) || depth > maxDepth) return false
  const schema = dereferenced(found)
  if (Array.isArray(schema.examples)) return true
  const { properties, items } = schema
  const parts = [items, ...Object.values(isSchema(properties) ? properties : {})]
  return parts.some((part) => hasExample(part, depth + 1))
}

/** Whether the value is of a type that the schema names. Of a list, the items must be, too. */
function isOfType(schema: unknown, value: unknown): boolean {
  if (!isSchema(schema)) return false
  const { type, anyOf, items } = schema
  if ('const' in schema) return value === schema.const
  if (Array.isArray(anyOf)) return anyOf.some((part) => isOfType(part, value))
  if (Array.isArray(value)) return type === 'array' && value.every((item) => isOfType(items, item))
  if (value === null) return type === 'null'
  if (Number.isInteger(value)) return type === 'integer' || type === 'number'
  return typeof value === type
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
