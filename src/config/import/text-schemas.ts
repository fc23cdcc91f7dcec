/**
 * Schemas of what stands as text in a URL or in a form: of one type, or of several that a text can be read as. Where the
 * document lets a client choose between schemas, only their types are kept.
 */
import { isMapping } from '../../lib/is-mapping.ts'
import type { JsonSchema } from '../json-schema.ts'
import { listOf, type Mapping } from './openapi-document.ts'
import type { Schemas } from './schemas.ts'

/** @returns `object` for what has fields, or may have them: no text has any */
export function textSchemaOf(given: unknown, schemas: Schemas, depth = 0): JsonSchema | 'object' {
  if (!isMapping(given) || depth > 8) return {}
  const { anyOf, oneOf, allOf, not: _, $ref, ...own } = given
  if (typeof $ref === 'string') {
    const referred = textSchemaOf(schemas.named[$ref.replace('#/schemas/', '')], schemas, depth + 1)
    return referred === 'object' ? referred : { ...referred, ...own }
  }
  const choices = [anyOf, oneOf, allOf].flatMap((list) => listOf(list))
  if (own.type === undefined && own.enum === undefined && choices.length > 0) {
    return chosen(
      own,
      choices.map((choice) => textSchemaOf(choice, schemas, depth + 1)),
    )
  }
  const all = typesOf(own).filter((type) => type !== 'null')
  if (all.includes('array')) return listSchema(own, textSchemaOf(own.items, schemas, depth + 1))
  if (all.includes('object')) return 'object'
  return all.length === 0 ? own : withFittingEnum({ ...own, type: all.length === 1 ? all[0] : all })
}

function chosen(own: Mapping, choices: readonly (JsonSchema | 'object')[]): JsonSchema | 'object' {
  const texts = choices.filter((choice) => choice !== 'object')
  if (texts.length < choices.length) return 'object'
  if (texts.length === 1) return { ...texts[0], ...own }
  const types = new Set(texts.flatMap((text) => typesOf(text)))
  if (types.has('array')) return listSchema(own, {})
  // One of them takes any text.
  if (texts.some((text) => typesOf(text).length === 0)) return own
  // A text comes first: an example of it is nothing else, too.
  const all = [...types].sort((a, b) => Number(b === 'string') - Number(a === 'string'))
  return { ...own, type: all.length === 1 ? all[0] : all }
}

function listSchema(own: Mapping, items: JsonSchema | 'object'): JsonSchema | 'object' {
  if (items === 'object') return items
  const isText = items.type === 'array' || typesOf(items).length === 0
  return { ...own, type: 'array', items: isText ? { type: 'string' } : items }
}

function typesOf({ type, enum: values }: Mapping): string[] {
  if (type !== undefined) return [type].flat().map(String)
  return [...new Set(listOf(values).map((value) => (value === null ? 'null' : typeof value)))]
}

/** Some documents list the numbers of a text, or the texts of numbers: they are what the type says. */
function withFittingEnum(schema: JsonSchema): JsonSchema {
  const { type, enum: values } = schema
  if (!Array.isArray(values)) return schema
  const known = values.filter((value) => value !== null)
  if (type === 'string') return { ...schema, enum: known.map(String) }
  if (type === 'boolean') return { ...schema, enum: known.map((value) => String(value) === 'true') }
  return { ...schema, enum: type === 'integer' || type === 'number' ? known.map(Number) : known }
}
