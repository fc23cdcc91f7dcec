/**
 * The schemas of a document as JSON Schemas (2020-12) of the configuration. What many places refer to stands once, under
 * `schemas:`, and is converted when the first of them is. A keyword that is not understood is left out, so that a schema
 * becomes looser and never stricter.
 */

import { isMapping } from '../../lib/is-mapping.ts'
import { isKnownFormat, type JsonSchema } from '../json-schema.ts'
import {
  isPattern,
  listKeywords,
  mapKeywords,
  plainKeywords,
  singleKeywords,
} from '../schema-keywords.ts'
import { uniqueNames } from './names.ts'
import type { Notes } from './notes.ts'
import {
  listOf,
  type Mapping,
  type OpenApiDocument,
  oneLine,
  resolved,
  target,
} from './openapi-document.ts'

export interface Schemas {
  /** The schema in the configuration's words. Whatever is no schema is one that takes anything. */
  convert(schema: unknown): JsonSchema
  /** The same, and what a reference leads to stands there itself: the first level of the result has no `$ref`. */
  convertWhole(schema: unknown): JsonSchema
  /** Those that others refer to, by name. */
  readonly named: Readonly<Record<string, JsonSchema>>
  /** The named schema takes anything from now on. */
  forget(name: string): void
}

export function schemaImporter(document: OpenApiDocument, notes: Notes): Schemas {
  const named: Record<string, JsonSchema> = {}
  const nameByRef = new Map<string, string>()
  const nameOf = uniqueNames(120, 'Schema-')

  function refer(ref: string): JsonSchema {
    const known = nameByRef.get(ref)
    if (known !== undefined) return { $ref: `#/schemas/${known}` }
    const found = target(document, ref)
    if (found === undefined) {
      notes.add(
        ref.startsWith('#')
          ? 'a schema refers to what is not there: anything is taken'
          : 'a schema refers to another document: anything is taken',
      )
      return {}
    }
    const name = nameOf(ref.replace(/^#\/(components\/schemas\/)?/, ''))
    nameByRef.set(ref, name)
    // It is there before it is converted, for it may refer to itself.
    named[name] = {}
    named[name] = convert(found)
    return { $ref: `#/schemas/${name}` }
  }

  function convert(schema: unknown): JsonSchema {
    const result = convertAny(schema)
    return isMapping(result) ? result : result === false ? { not: {} } : {}
  }

  function convertAny(schema: unknown): JsonSchema | boolean {
    if (typeof schema === 'boolean') return schema
    if (!isMapping(schema)) return {}
    const { $ref } = schema
    if (typeof $ref !== 'string') return convertKeywords(schema)
    const referred = refer($ref)
    // Beside a reference, OpenAPI 3.0 has no keywords.
    return document.isOld ? referred : { ...convertKeywords(schema), ...referred }
  }

  function convertKeywords(schema: Mapping): JsonSchema {
    const entries = Object.entries(document.isOld ? modern(schema) : schema).flatMap(
      ([keyword, value]): [string, unknown][] => {
        const converted = convertKeyword(keyword, value)
        return converted === undefined ? [] : [[keyword, converted]]
      },
    )
    return tidied(Object.fromEntries(entries), (property) => resolved(document, property))
  }

  function convertKeyword(keyword: string, value: unknown): unknown {
    if (singleKeywords.has(keyword)) return isSchemaLike(value) ? convertAny(value) : undefined
    if (listKeywords.has(keyword)) {
      const list = listOf(value).filter(isSchemaLike).map(convertAny)
      return list.length > 0 ? list : undefined
    }
    if (mapKeywords.has(keyword)) {
      if (!isMapping(value)) return undefined
      const kept = Object.entries(value).filter(
        ([name, part]) =>
          name !== '__proto__' &&
          isSchemaLike(part) &&
          (keyword !== 'patternProperties' || isPattern(name)),
      )
      return Object.fromEntries(kept.map(([name, part]) => [name, convertAny(part)]))
    }
    if (keyword === 'pattern') return keptPattern(value)
    if (keyword === 'format') return keptFormat(value)
    if (keyword === 'example') return value
    const canBe = plainKeywords.get(keyword)
    if (canBe !== undefined) return canBe(value) ? value : undefined
    if (!silentKeywords.has(keyword) && !keyword.startsWith('x-')) {
      notes.add(`the keyword ${oneLine(keyword, 40)} of a schema is not carried over`)
    }
    return undefined
  }

  function keptPattern(value: unknown): unknown {
    if (typeof value !== 'string') return undefined
    if (isPattern(value)) return value
    notes.add('a pattern is not checked, because JavaScript does not understand it')
    return undefined
  }

  function keptFormat(value: unknown): unknown {
    if (typeof value !== 'string') return undefined
    if (isKnownFormat(value)) return value
    notes.add(`the format ${oneLine(value, 40)} is not checked`)
    return undefined
  }

  return {
    named,
    forget: (name) => {
      named[name] = {}
    },
    convert,
    convertWhole: (schema) => {
      const found = resolved(document, schema)
      return isMapping(found) ? convertKeywords(found) : {}
    },
  }
}

/** The keywords of OpenAPI 3.0 that mean something else in JSON Schema. */
function modern(schema: Mapping): Mapping {
  const { nullable, exclusiveMinimum, exclusiveMaximum, example, ...rest } = schema
  const result: Record<string, unknown> = rest
  bound(result, 'minimum', 'exclusiveMinimum', exclusiveMinimum)
  bound(result, 'maximum', 'exclusiveMaximum', exclusiveMaximum)
  if (example !== undefined) result.example = example
  return nullable === true ? withNull(result) : result
}

function bound(
  schema: Record<string, unknown>,
  inclusive: 'minimum' | 'maximum',
  exclusive: 'exclusiveMinimum' | 'exclusiveMaximum',
  value: unknown,
): void {
  if (typeof value === 'number') schema[exclusive] = value
  if (value !== true || schema[inclusive] === undefined) return
  schema[exclusive] = schema[inclusive]
  delete schema[inclusive]
}

/** The schema that takes null, too. */
function withNull(schema: Record<string, unknown>): Mapping {
  const { type, enum: values, description, title, example, ...rest } = schema
  const words = { title, description, example }
  if (typeof type === 'string') {
    const list = Array.isArray(values) && !values.includes(null) ? [...values, null] : values
    return { ...words, type: [type, 'null'], ...(list !== undefined && { enum: list }), ...rest }
  }
  if (Array.isArray(values)) {
    return { ...words, enum: values.includes(null) ? values : [...values, null], ...rest }
  }
  const isOpen = !['$ref', 'allOf', 'anyOf', 'oneOf', 'not'].some((keyword) => keyword in rest)
  return isOpen ? { ...words, ...rest } : { ...words, anyOf: [rest, { type: 'null' }] }
}

/** What no schema can have: keywords without the one that they belong to, and fields that only one direction requires. */
function tidied(schema: Record<string, unknown>, resolve: (value: unknown) => unknown): JsonSchema {
  const { example, ...result } = schema
  if (example !== undefined && result.examples === undefined) result.examples = [example]
  if (JSON.stringify(result.examples ?? null).length > maxExampleLength) delete result.examples
  if (!('contains' in result))
    for (const word of ['minContains', 'maxContains']) delete result[word]
  if (!('if' in result) || !('then' in result || 'else' in result)) {
    for (const word of ['if', 'then', 'else']) delete result[word]
  }
  if (Array.isArray(result.required) && isMapping(result.properties)) {
    const { properties } = result
    const isClosed = result.additionalProperties === false && result.patternProperties === undefined
    const required = result.required.filter((name) => {
      if (isClosed && !Object.hasOwn(properties, name)) return false
      const property = resolve(Object.hasOwn(properties, name) ? properties[name] : undefined)
      return !isMapping(property) || (property.readOnly !== true && property.writeOnly !== true)
    })
    result.required = required
  }
  if (listOf(result.required).length === 0) delete result.required
  return result
}

/** In characters of JSON; a longer example is left out. */
const maxExampleLength = 4_000

function isSchemaLike(value: unknown): boolean {
  return isMapping(value) || typeof value === 'boolean'
}

/** They say nothing that is checked or shown. */
const silentKeywords = new Set([
  ...['$ref', '$schema', '$comment', '$id', '$anchor', '$defs', 'definitions', 'id', 'xml'],
  ...['externalDocs', 'discriminator', 'nullable'],
])
