/**
 * Values that come as text, as the fields of a form do: each is read as what its schema says it is. A text that cannot
 * be read so stays text, and the schema then refuses it by its type.
 */
import { isMapping } from './is-mapping.ts'
import { dereferenced } from './named-schemas.ts'

type Schema = Readonly<Record<string, unknown>>
type Kind = 'text' | 'number' | 'integer' | 'boolean'

interface FieldReader {
  readonly read: (text: string) => unknown
  /** The field may stand several times. */
  readonly isList: boolean
}

/** What fields stand for, or the first name that stands twice and may not. */
type TextValues =
  | { readonly values: Readonly<Record<string, unknown>> }
  | { readonly repeated: string }

/** Reads the fields that are sent, decoded and in their order. */
type ReadTexts = (fields: Iterable<readonly [name: string, text: string]>) => TextValues

const readers = new WeakMap<Schema, ReadTexts>()

/** The reader for an object's schema. The same schema object is looked at only once. */
export function textReader(schema: Schema): ReadTexts {
  const known = readers.get(schema)
  if (known !== undefined) return known
  const fields = new Map<string, FieldReader>()
  const { properties } = dereferenced(schema)
  for (const [name, property] of Object.entries(isMapping(properties) ? properties : {})) {
    fields.set(name, fieldReader(property))
  }
  const reader = readWith(fields)
  readers.set(schema, reader)
  return reader
}

function readWith(fields: ReadonlyMap<string, FieldReader>): ReadTexts {
  return (sent) => {
    // Without a prototype: a field may be called `constructor`.
    const values: Record<string, unknown> = Object.create(null)
    for (const [name, text] of sent) {
      const field = fields.get(name) ?? asText
      const value = field.read(text)
      if (field.isList) {
        const list = values[name] as unknown[] | undefined
        if (list === undefined) values[name] = [value]
        else list.push(value)
      } else if (name in values) return { repeated: name }
      else values[name] = value
    }
    return { values }
  }
}

const asText: FieldReader = { read: (text) => text, isList: false }

function fieldReader(property: unknown): FieldReader {
  const kinds = valueKinds(property) ?? ['text']
  return { read: (text) => readAs(kinds, text), isList: isListSchema(property) }
}

/**
 * What texts of a field are read as; of a list, its items. Empty where no text can be what the schema wants, undefined
 * where the schema does not say.
 */
export function valueKinds(property: unknown): Kind[] | undefined {
  if (!isMapping(property)) return undefined
  const schema = dereferenced(property)
  const { type, enum: values, const: value, items } = schema
  if (type === 'array') return isListSchema(items) ? [] : valueKinds(items)
  if (type !== undefined) return [type].flat().flatMap(kindOfType)
  if (Array.isArray(values)) return values.flatMap(kindOfValue)
  return 'const' in schema ? kindOfValue(value) : undefined
}

function isListSchema(schema: unknown): boolean {
  return isMapping(schema) && dereferenced(schema).type === 'array'
}

function kindOfType(type: unknown): Kind[] {
  if (type === 'string') return ['text']
  return type === 'number' || type === 'integer' || type === 'boolean' ? [type] : []
}

function kindOfValue(value: unknown): Kind[] {
  if (typeof value === 'string') return ['text']
  return typeof value === 'number' || typeof value === 'boolean'
    ? [typeof value as 'number' | 'boolean']
    : []
}

function readAs(kinds: readonly Kind[], text: string): unknown {
  if (kinds.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true'
  if (kinds.includes('number') && number.test(text)) return numberOf(text)
  if (kinds.includes('integer') && integer.test(text)) return safe(text)
  return text
}

/** As JSON writes them, but without an exponent: of `1000e-3` some readers take the digits before the `e`. */
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/
const integer = /^-?(?:0|[1-9]\d*)$/

function numberOf(text: string): number | string {
  if (!text.includes('.')) return safe(text)
  const value = Number(text)
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : text
}

/** A larger integer would be another one here than where it is read with more digits. */
function safe(text: string): number | string {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : text
}
