/**
 * JSON Schemas of values that stand in a URL, where everything is text. The schema says what a text is read as, and a
 * text has one reading only: `7` is an integer, `07`, `+7` and `7e0` are none.
 */
import { dereferenced } from './named-schemas.ts'

type Schema = Readonly<Record<string, unknown>>

export type UrlValue = string | number | boolean

type UrlType = 'string' | 'integer' | 'number' | 'boolean'

interface UrlValueType {
  readonly type: UrlType
  /** A list of such values: the parameter may stand several times. */
  readonly isList: boolean
}

/** What a parameter's text is read as; undefined for what no text can be, such as an object. */
export function urlTypeOf(given: Schema): UrlValueType | undefined {
  const schema = dereferenced(given)
  if (schema.type !== 'array') {
    const type = singleTypeOf(schema)
    return type && { type, isList: false }
  }
  const type = isSchema(schema.items) ? singleTypeOf(dereferenced(schema.items)) : 'string'
  return type && { type, isList: true }
}

function singleTypeOf({ type, enum: values, const: value }: Schema): UrlType | undefined {
  if (type !== undefined) return isUrlType(type) ? type : undefined
  const known = Array.isArray(values) ? values : value === undefined ? [] : [value]
  const types = new Set(known.map((one) => typeof one))
  if (types.size > 1) return undefined
  const [only = 'string'] = types
  return isUrlType(only) ? only : undefined
}

function isUrlType(type: unknown): type is UrlType {
  return type === 'string' || type === 'integer' || type === 'number' || type === 'boolean'
}

type ReadUrlValue = { readonly value: UrlValue } | { readonly fault: string }

/** The value that a text is written for, or what is wrong with the text. */
export function readUrlValue(type: UrlType, text: string): ReadUrlValue {
  switch (type) {
    case 'string':
      return { value: text }
    case 'boolean':
      if (text === 'true') return { value: true }
      return text === 'false' ? { value: false } : { fault: 'expected true or false' }
    case 'integer':
      return /^(0|-?[1-9]\d{0,15})$/.test(text) && Number.isSafeInteger(Number(text))
        ? { value: Number(text) }
        : { fault: 'expected an integer' }
    case 'number':
      return /^-?(0|[1-9]\d{0,15})(\.\d{1,15})?$/.test(text)
        ? { value: Number(text) }
        : { fault: 'expected a number' }
    default:
      return type satisfies never
  }
}

/** How long a text of a path is at most, where its schema does not say. */
const maxLength = { segment: 200, tail: 1000 }

/** The schema of a parameter of a path: a text that is not too long, unless it says otherwise. */
export function pathParameterSchema(given: Schema | undefined, isTail: boolean): Schema {
  const schema = given === undefined ? {} : dereferenced(given)
  if (singleTypeOf(schema) !== 'string' || 'enum' in schema || 'const' in schema) return schema
  const bound = isTail ? maxLength.tail : maxLength.segment
  return { type: 'string', minLength: 1, maxLength: bound, ...schema }
}

/** A parameter of a query as the configuration says it: its schema, with `required: true` among its keywords. */
export function queryParameterOf({ required, ...schema }: Schema): {
  readonly schema: Schema
  readonly isRequired: boolean
} {
  return { schema, isRequired: required === true }
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
