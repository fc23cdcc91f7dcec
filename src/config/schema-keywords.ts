/** The keywords of JSON Schema 2020-12 that Tollbook understands, by what stands in them. */

/** One schema. */
export const singleKeywords: ReadonlySet<string> = new Set([
  ...['items', 'additionalProperties', 'not', 'contains', 'propertyNames', 'if', 'then', 'else'],
  ...['unevaluatedItems', 'unevaluatedProperties'],
])

/** A list of schemas, which is not empty. */
export const listKeywords: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])

/** Schemas by name. */
export const mapKeywords: ReadonlySet<string> = new Set([
  ...['properties', 'patternProperties', 'dependentSchemas'],
])

const isText = (value: unknown) => typeof value === 'string'
const isFlag = (value: unknown) => typeof value === 'boolean'
const isNumber = (value: unknown) => typeof value === 'number' && Number.isFinite(value)
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
const isList = (value: unknown): value is unknown[] => Array.isArray(value) && value.length > 0
const isNames = (value: unknown) =>
  Array.isArray(value) && value.every(isText) && new Set(value).size === value.length
const types = ['string', 'integer', 'number', 'boolean', 'object', 'array', 'null']
const isType = (value: unknown) => typeof value === 'string' && types.includes(value)

/** All others but `pattern` and `format`: whether the value is one that the keyword can have. */
export const plainKeywords: ReadonlyMap<string, (value: unknown) => boolean> = new Map(
  Object.entries({
    type: (value) => isType(value) || (isList(value) && isNames(value) && value.every(isType)),
    enum: isList,
    const: () => true,
    required: isNames,
    dependentRequired: (value) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every(isNames),
    multipleOf: (value) => isNumber(value) && Number(value) > 0,
    ...{ minimum: isNumber, maximum: isNumber },
    ...{ exclusiveMinimum: isNumber, exclusiveMaximum: isNumber },
    ...{ minLength: isCount, maxLength: isCount, minItems: isCount, maxItems: isCount },
    ...{ minProperties: isCount, maxProperties: isCount },
    ...{ minContains: isCount, maxContains: isCount },
    uniqueItems: isFlag,
    ...{ title: isText, description: isText, default: () => true, examples: isList },
    ...{ deprecated: isFlag, readOnly: isFlag, writeOnly: isFlag },
    ...{ contentMediaType: isText, contentEncoding: isText },
  } satisfies Record<string, (value: unknown) => boolean>),
)

/** Whether a text is a regular expression, as Ajv reads one. */
export function isPattern(value: unknown): value is string {
  if (typeof value !== 'string') return false
  try {
    new RegExp(value, 'u')
    return true
  } catch {
    return false
  }
}
