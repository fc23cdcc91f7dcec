/** JSON Schemas of the parameters of a URL. What a text in it is read as: text-values.ts. */
import { dereferenced } from './named-schemas.ts'
import { valueKinds } from './text-values.ts'

type Schema = Readonly<Record<string, unknown>>

/** What one parameter is, as JSON Schema names it: `array` where it may stand several times; undefined for no one type. */
export function parameterType(given: Schema): string | undefined {
  if (dereferenced(given).type === 'array') return 'array'
  const [kind = 'text', ...others] = valueKinds(given) ?? []
  if (others.length > 0) return undefined
  return kind === 'text' ? 'string' : kind
}

/** Whether a text can be what the schema wants. */
export function fitsText(schema: Schema): boolean {
  return valueKinds(schema)?.length !== 0
}

/** How long a text of a path is at most, where its schema does not say. */
const maxLength = { segment: 200, tail: 1000 }

/** The schema of a parameter of a path: a text that is not too long, unless it says otherwise. */
export function pathParameterSchema(given: Schema | undefined, isTail: boolean): Schema {
  const schema = given === undefined ? {} : dereferenced(given)
  if (parameterType(schema) !== 'string' || 'enum' in schema || 'const' in schema) return schema
  const bound = isTail ? maxLength.tail : maxLength.segment
  return { type: 'string', minLength: 1, maxLength: bound, ...schema }
}

/** A parameter of a query as the configuration says it: its schema, with `required: true` among the keywords. */
export function queryParameter({ required, ...schema }: Schema): {
  readonly schema: Schema
  readonly isRequired: boolean
} {
  return { schema, isRequired: required === true }
}

/** The schema of a query as an object of its parameters. */
export function querySchema(parameters: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(parameters).map(([name, given]) => {
    return { name, ...queryParameter(given) }
  })
  return {
    type: 'object',
    additionalProperties: false,
    properties: Object.fromEntries(entries.map(({ name, schema }) => [name, schema])),
    required: entries.filter(({ isRequired }) => isRequired).map(({ name }) => name),
  }
}
