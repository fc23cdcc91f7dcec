/** The schemas of calls in the API documentation. */
import { type JsonSchema, schemaCheck } from '../../config/json-schema.ts'
import { mapValues } from '../../lib/map-values.ts'
import { schemaName } from '../../lib/named-schemas.ts'
import { exampleOf } from './openapi-example.ts'
import type { Reference } from './openapi-types.ts'

/** By name, for `#/components/schemas`. Filled while the operations are made. */
export type Schemas = Record<string, JsonSchema>

/** A body's schema, and an example where one can be made that fits it. */
export function jsonContent(name: string, schema: JsonSchema, schemas: Schemas) {
  const example = exampleOf(schema)
  const fits = example !== undefined && schemaCheck(schema)(example, false).length === 0
  return { schema: named(name, schema, schemas), ...(fits && { example }) }
}

/** Adds the schema to the named ones and returns a reference to it. */
export function named(name: string, schema: JsonSchema, schemas: Schemas): Reference {
  const $ref = `#/components/schemas/${name}`
  schemas[name] = rebased(schema, $ref) as JsonSchema
  return { $ref }
}

/** The keywords of a schema whose values are data, without references. */
export const dataKeywords = new Set(['const', 'default', 'enum', 'example', 'examples'])

/** The keywords of a schema whose values have names of their own, each with a schema. */
export const namingKeywords = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
])

/** The schema with its references into itself changed to lead to where it stands in the document. */
export function rebased(schema: unknown, at: string): unknown {
  if (Array.isArray(schema)) return schema.map((part) => rebased(part, at))
  if (typeof schema !== 'object' || schema === null) return schema
  const parts = Object.entries(schema).map(([word, part]) => {
    if (dataKeywords.has(word)) return [word, part]
    if (namingKeywords.has(word) && typeof part === 'object' && part !== null) {
      return [word, mapValues(part, (inner) => rebased(inner, at))]
    }
    return [word, word === '$ref' && typeof part === 'string' ? moved(part, at) : rebased(part, at)]
  })
  return Object.fromEntries(parts)
}

function moved(ref: string, at: string): string {
  const name = schemaName(ref)
  if (name !== undefined) return `#/components/schemas/${name}`
  return /^#(\/|$)/.test(ref) ? at + ref.slice(1) : ref
}
