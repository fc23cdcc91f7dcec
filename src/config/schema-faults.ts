/**
 * Why a value does not fit a TypeBox schema, in sentences for the author of a YAML file. TypeBox finds the faults. Of
 * a union it can only say that no variant fitted, so this file finds the variant that was meant.
 */

import type { TSchema } from '@sinclair/typebox'
import { Value, type ValueError, ValueErrorType } from '@sinclair/typebox/value'
import { didYouMean } from '../lib/did-you-mean.ts'
import type { Fault } from '../lib/fault.ts'
import { isMapping } from '../lib/is-mapping.ts'
import { either, type Path, printValue } from './config-error.ts'

/** All faults of a value, in the order of the file's fields; none when it fits. */
export function schemaFaults(schema: TSchema, value: unknown, at: Path = []): Fault[] {
  const faults: Fault[] = []
  const seen = new Set<string>()
  for (const error of Value.Errors(schema, value)) {
    // TypeBox reports a missing field twice, as missing and as undefined, and a field once for each of its rules.
    if (seen.has(error.path)) continue
    seen.add(error.path)
    faults.push(...faultsOf(error, [...at, ...stepsOf(value, error.path)]))
  }
  return faults
}

function faultsOf(error: ValueError, path: Path): Fault[] {
  const { schema, value } = error
  if (error.type === ValueErrorType.ObjectAdditionalProperties) {
    return [{ path, message: unknownField(path, schema) }]
  }
  if (value === undefined) return [{ path, message: `missing, expected ${describe(schema)}` }]
  if (error.type === ValueErrorType.Union) return unionFaults(schema, value, path)
  if (error.type === ValueErrorType.ArrayUniqueItems) {
    return [{ path, message: 'names something twice' }]
  }
  const expected =
    error.type === ValueErrorType.StringPattern && schema.patternErrorMessage
      ? schema.patternErrorMessage
      : `expected ${describe(schema)}`
  // An address may be wrong because of the password in it, so it is not repeated.
  const got = schema.writeOnly ? '' : `, got ${printValue(value)}`
  // Where mappings of a certain kind are often mistaken for another.
  const hint = schema.hint === undefined ? '' : `: ${schema.hint}`
  return [{ path, message: expected + got + hint }]
}

/** The faults against the variant that was meant, or the choice of variants when that is not clear. */
function unionFaults(schema: TSchema, value: unknown, path: Path): Fault[] {
  const variants: TSchema[] = schema.anyOf
  if (Array.isArray(value)) {
    const lists = variants.filter((variant) => variant.type === 'array')
    if (lists[0] !== undefined) return schemaFaults(lists[0], value, path)
  }
  const objects = variants.filter((variant) => variant.type === 'object')
  if (objects.length > 0 && isMapping(value)) return objectFaults(objects, value, path)
  const got = schema.writeOnly ? '' : `, got ${printValue(value)}`
  return [{ path, message: `expected ${describe(schema)}${got}` }]
}

function objectFaults(variants: TSchema[], value: Record<string, unknown>, path: Path): Fault[] {
  const tag = tagOf(variants)
  if (tag !== undefined) {
    const meant = variants.find((variant) => variant.properties[tag].const === value[tag])
    if (meant !== undefined) return schemaFaults(meant, value, path)
    const names = variants.map((variant) => String(variant.properties[tag].const))
    const got = Object.hasOwn(value, tag) ? `, got ${printValue(value[tag])}` : ''
    const missing = got === '' ? 'missing, ' : ''
    return [{ path: [...path, tag], message: `${missing}expected ${either(names)}${got}` }]
  }
  const own = variants.map((variant) => ownFields(variant, variants))
  const meant = variants.filter((_, index) => own[index]?.some((key) => Object.hasOwn(value, key)))
  // Several variants can have a field in common; the first one of each tells them apart.
  const byFirst = meant.filter((variant) => Object.hasOwn(value, variant.required[0]))
  const likely = meant.length > 1 && byFirst.length > 0 ? byFirst : meant
  const only = variants.length === 1 ? variants[0] : likely.length === 1 ? likely[0] : undefined
  if (only !== undefined) return schemaFaults(only, value, path)
  return [{ path, message: `expected exactly one of ${either([...new Set(own.flat())])}` }]
}

/** The fields that the variant requires, less those that all of them do. */
function ownFields(variant: TSchema, variants: readonly TSchema[]): string[] {
  return fieldsOf(variant).filter(
    (key) => !variants.every((other) => fieldsOf(other).includes(key)),
  )
}

function fieldsOf({ required = [] }: TSchema): string[] {
  return required
}

/** The field whose literal distinguishes the variants, where there is one. */
function tagOf(variants: readonly TSchema[]): string | undefined {
  const [first] = variants
  return Object.keys(first?.properties ?? {}).find((key) =>
    variants.every((variant) => variant.properties[key]?.const !== undefined),
  )
}

function unknownField(path: Path, schema: TSchema): string {
  const name = String(path.at(-1))
  if (schema.patternProperties) {
    return 'not a name: expected letters, digits, - and _, with a letter first, at most 63'
  }
  const spot = schema.elsewhere?.[name]
  if (spot !== undefined) return `does not stand here, but at ${spot}`
  const known = Object.keys(schema.properties ?? {})
  const guess = didYouMean(name, known)
  return guess === undefined
    ? `unknown field, known here are ${known.join(', ')}`
    : `unknown field, did you mean ${guess}?`
}

/** What fits, in words: `an integer ≥ 1`. */
function describe(schema: TSchema): string {
  const such = schema.sample === undefined ? '' : ` such as ${schema.sample}`
  // Seven kinds of mapping are one thing to expect: which one is meant shows when it is a mapping.
  if (schema.anyOf) {
    const variants = new Set((schema.anyOf as TSchema[]).map(describe))
    return either([...variants].map((text) => (text === 'a mapping' ? text + such : text)))
  }
  if (schema.const !== undefined) return String(schema.const)
  switch (schema.type) {
    case 'integer':
      return describeInteger(schema.minimum, schema.maximum)
    case 'string':
      return schema.patternErrorMessage?.replace('expected ', '') ?? 'a text that is not empty'
    case 'number':
      return 'a number'
    case 'boolean':
      return 'true or false'
    case 'array':
      if (!schema.minItems) return `a list${such}`
      return `a list that is not empty${such === '' ? '' : `,${such}`}`
    case 'null':
      return 'null'
    default:
      return `a mapping${such}`
  }
}

function describeInteger(minimum: number, maximum: number): string {
  return `an integer from ${minimum} to ${maximum}`
}

/** The steps of a TypeBox pointer. A step into a list is an index. */
function stepsOf(root: unknown, pointer: string): Path {
  const steps: (string | number)[] = []
  let value = root
  for (const escaped of pointer.split('/').slice(1)) {
    const step = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
    steps.push(Array.isArray(value) ? Number(step) : step)
    value = (value as Record<string, unknown> | undefined)?.[step]
  }
  return steps
}
