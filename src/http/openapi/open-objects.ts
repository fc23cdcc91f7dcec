/**
 * An object of a JSON Schema takes fields that it does not name, unless it says otherwise. Generators of clients read one that
 * says nothing as an object without other fields, so in the document every such object says that it is open.
 */
import type { JsonSchema } from '../../config/json-schema.ts'
import { isMapping } from '../../lib/is-mapping.ts'
import { mapValues } from '../../lib/map-values.ts'
import { dataKeywords, namingKeywords, type Schemas } from './openapi-schemas.ts'

/** The schemas of the document, with `additionalProperties: true` where they mean it. */
export function withOpenObjects(schemas: Schemas): Schemas {
  const closed = closedFromOutside(schemas)
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      closed.has(name) ? schema : (opened(schema) as JsonSchema),
    ]),
  )
}

function opened(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(opened)
  if (!isMapping(schema)) return schema
  const parts = Object.entries(schema).map(([word, part]) => {
    if (dataKeywords.has(word)) return [word, part]
    if (namingKeywords.has(word) && isMapping(part)) return [word, mapValues(part, opened)]
    return [word, opened(part)]
  })
  return Object.fromEntries(isOpen(schema) ? [...parts, ['additionalProperties', true]] : parts)
}

function isOpen(schema: Readonly<Record<string, unknown>>): boolean {
  const { type } = schema
  const takesObjects = type === 'object' || (Array.isArray(type) && type.includes('object'))
  return takesObjects && !('additionalProperties' in schema)
}

/**
 * Schemas with `unevaluatedProperties`, and those that they refer to: what closes them stands outside of their objects, and
 * does not close what says that it is open.
 */
function closedFromOutside(schemas: Schemas): Set<string> {
  const texts = new Map(Object.entries(schemas).map(([name, one]) => [name, JSON.stringify(one)]))
  const closed = new Set<string>()
  const close = (name: string) => {
    if (closed.has(name)) return
    closed.add(name)
    for (const [, other = ''] of (texts.get(name) ?? '').matchAll(reference)) close(other)
  }
  for (const [name, text] of texts) if (text.includes('"unevaluatedProperties"')) close(name)
  return closed
}

const reference = /"#\/components\/schemas\/([^"/]+)/g
