/**
 * What is wrong with a JSON Schema of the file, and at which of its keywords. Ajv says that a schema cannot be compiled,
 * and of most faults not where. So the parts of a faulty schema are compiled each by itself, down to the one that is meant.
 */

import { didYouMean } from '../../lib/did-you-mean.ts'
import type { Fault } from '../../lib/fault.ts'
import { isMapping } from '../../lib/is-mapping.ts'
import { dereferenced, schemaName } from '../../lib/named-schemas.ts'
import { either, printValue } from '../config-error.ts'
import {
  type JsonSchema,
  knownFormats,
  knownKeywords,
  metaSchemaFaults,
  schemaCheck,
} from '../json-schema.ts'

type Steps = readonly (string | number)[]

/** The faults of a schema that stands at `path`. What is wrong with a schema that it refers to is said there. */
export function jsonSchemaFaults(path: Steps, schema: JsonSchema): Fault[] {
  const { faults } = faultsIn(schema, path)
  return faults
}

interface Found {
  readonly faults: Fault[]
  /** Why the schema cannot be compiled is said, in these faults or at another place of the file. */
  readonly isExplained: boolean
}

function faultsIn(schema: JsonSchema, path: Steps, isWhole = true): Found {
  const reason = whyNot(schema)
  if (reason === undefined) return { faults: [], isExplained: false }
  const parts = partsOf(schema).map(([steps, part]) => faultsIn(part, [...path, ...steps], false))
  const inParts = parts.flatMap(({ faults }) => faults)
  const at = (step: Steps, message: string): Fault => ({ path: [...path, ...step], message })
  const own = [...keywordFaults(schema).map(([step, message]) => at(step, message)), ...inParts]
  if (own.length > 0) return { faults: own, isExplained: true }
  if (parts.some(({ isExplained }) => isExplained) || isFaultOfNamed(schema)) {
    return { faults: [], isExplained: true }
  }
  const meta = metaSchemaFaults(schema).map(([step, message]) => at(step, message))
  if (meta.length > 0) return { faults: meta, isExplained: true }
  const { $ref } = schema
  // A part can refer to its whole, which is not there when it is compiled by itself.
  if (!isWhole && /reference/.test(reason)) return { faults: [], isExplained: false }
  const lost = isWhole ? lostReference(schema, reason) : undefined
  if (lost !== undefined || (typeof $ref === 'string' && /reference/.test(reason))) {
    const [step, text] = lost ?? [['$ref'], $ref]
    const message = `leads nowhere: ${printValue(text)}, expected one such as #/schemas/Name`
    return { faults: [at(step, message)], isExplained: true }
  }
  return { faults: [at([], `not a JSON Schema: ${reason}`)], isExplained: true }
}

function whyNot(schema: JsonSchema): string | undefined {
  try {
    schemaCheck(schema)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** It refers to a schema of `schemas` that is faulty, or that is not there: both are said elsewhere. */
function isFaultOfNamed(schema: JsonSchema): boolean {
  if (typeof schema.$ref !== 'string' || schemaName(schema.$ref) === undefined) return false
  const named = dereferenced(schema)
  return named === schema || whyNot(named) !== undefined
}

function keywordFaults(schema: JsonSchema): (readonly [Steps, string])[] {
  const unknown = Object.keys(schema).flatMap((name) => {
    if (knownKeywords().includes(name)) return []
    const guess = didYouMean(name, knownKeywords())
    const hint = guess === undefined ? '' : `, did you mean ${guess}?`
    return [[[name], `no keyword of JSON Schema${hint}`] as const]
  })
  const { pattern, patternProperties, format } = schema
  const patterns = [
    ...(typeof pattern === 'string' ? [[['pattern'], pattern] as const] : []),
    ...Object.keys(isMapping(patternProperties) ? patternProperties : {}).map(
      (name) => [['patternProperties', name], name] as const,
    ),
  ]
  const invalid = patterns.flatMap(([step, text]) => {
    const reason = whyNoRegExp(text)
    return reason === undefined ? [] : [[step, reason] as const]
  })
  if (typeof format !== 'string' || knownFormats().includes(format)) return [...unknown, ...invalid]
  const guess = didYouMean(format, knownFormats())
  const hint =
    guess === undefined ? `known are ${either(knownFormats())}` : `did you mean ${guess}?`
  return [
    ...unknown,
    ...invalid,
    [['format'], `no such format: ${printValue(format)}, ${hint}`] as const,
  ]
}

function whyNoRegExp(text: string): string | undefined {
  try {
    new RegExp(text, 'u')
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `not a regular expression: ${reason.replace(/^Invalid regular expression: /, '')}`
  }
}

/** Where the reference stands that a reason names. */
function lostReference(value: unknown, reason: string): readonly [Steps, string] | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, part] of Object.entries(value)) {
    const step = Array.isArray(value) ? Number(name) : name
    if (name === '$ref' && typeof part === 'string' && reason.includes(`${part} `)) {
      return [[step], part]
    }
    const inside = lostReference(part, reason)
    if (inside !== undefined) return [[step, ...inside[0]], inside[1]]
  }
  return undefined
}

const mappingsOfSchemas = ['properties', 'patternProperties', '$defs', 'dependentSchemas']
const listsOfSchemas = ['allOf', 'anyOf', 'oneOf', 'prefixItems']
const schemas = [
  ...['items', 'additionalProperties', 'not', 'if', 'then', 'else', 'contains'],
  ...['propertyNames', 'unevaluatedItems', 'unevaluatedProperties'],
]

/** The schemas inside a schema. */
function partsOf(schema: JsonSchema): (readonly [Steps, JsonSchema])[] {
  const inside = (name: string) =>
    Object.entries(schema[name] ?? {}).map(
      ([key, part]) => [[name, Array.isArray(schema[name]) ? Number(key) : key], part] as const,
    )
  const parts = [
    ...[...mappingsOfSchemas, ...listsOfSchemas].flatMap(inside),
    ...schemas.map((name) => [[name], schema[name]] as const),
  ]
  return parts.flatMap(([steps, part]) => (isMapping(part) ? [[steps, part] as const] : []))
}
