/**
 * JSON Schemas from the configuration, each compiled once: at start, or when it is first needed where it is seen at start
 * that it can be. Ajv compiles them, because TypeBox compiles only schemas that it has built itself. A keyword that Ajv
 * does not know is an error: a misspelt `maxLenght` would otherwise be a limit that is not there.
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { didYouMean } from '../lib/did-you-mean.ts'
import { pointerStep, pointerSteps, shortPointer } from '../lib/json-pointer.ts'
import { either, printValue } from './config-error.ts'
import { boundPatterns, useLinearChecks } from './linear-checks.ts'
import { isPlainSchema } from './plain-schema.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

/** One thing wrong with a document: where (a JSON pointer) and what. */
export interface InvalidField {
  readonly pointer: string
  readonly detail: string
}

/**
 * What is wrong with a document; empty when it fits. With `all`, every fault is looked for, which costs time and
 * memory in proportion to the faults and is meant for small documents. Otherwise the search ends with the first.
 */
type SchemaCheck = (value: unknown, all: boolean) => InvalidField[]

const maxFaults = 20

const options = {
  ownProperties: true,
  verbose: true,
  strictTypes: false,
  strictTuples: false,
  logger: false,
} as const
const ajvFirst = new Ajv2020(options)
const ajvAll = new Ajv2020({ ...options, allErrors: true })
for (const ajv of [ajvFirst, ajvAll]) {
  addFormats.default(ajv)
  useLinearChecks(ajv)
}
boundPatterns(ajvAll)

const checks = new WeakMap<JsonSchema, SchemaCheck>()

/** Of short schemas, by their text: many parameters of many routes have the same. */
const checksByText = new Map<string, SchemaCheck>()
const maxSharedLength = 300

/**
 * The check of a schema. The same schema is compiled only once.
 *
 * @throws Error when it is not a JSON Schema, saying why
 */
export function schemaCheck(schema: JsonSchema): SchemaCheck {
  const known = checks.get(schema)
  if (known !== undefined) return known
  const text = JSON.stringify(schema)
  const check = checksByText.get(text) ?? makeCheck(schema)
  if (text.length <= maxSharedLength) checksByText.set(text, check)
  checks.set(schema, check)
  return check
}

function makeCheck(schema: JsonSchema): SchemaCheck {
  let findFirst = isPlainSchema(schema, understood) ? undefined : compile(ajvFirst, schema)
  // Most schemas never meet a faulty document, so the thorough check is compiled when it is first needed.
  let findAll: ValidateFunction | undefined
  return (value, all) => {
    findFirst ??= compile(ajvFirst, schema)
    if (findFirst(value)) return []
    if (all) findAll ??= compile(ajvAll, schema)
    const find = all && findAll ? findAll : findFirst
    if (find !== findFirst) find(value)
    return (find.errors ?? []).slice(0, maxFaults).map(invalidField)
  }
}

const introduced = new Set<string>()

const understood = {
  isFormat: (name: string) => Object.hasOwn(ajvFirst.formats, name),
  isReference: (ref: string) => introduced.has(ref),
}

/** Whether the format is one that is checked. */
export const isKnownFormat = understood.isFormat

/** A schema that others refer to, by its address. */
export function introduceSchema(schema: JsonSchema, address: string): void {
  introduced.add(address)
  // What is wrong with it is found when it is compiled, and is said there.
  for (const ajv of [ajvFirst, ajvAll]) ajv.addSchema(schema, address, false, false)
}

/** The keywords that a schema may have. */
export function knownKeywords(): readonly string[] {
  return Object.keys(ajvAll.RULES.keywords)
}

/** The formats that a schema may name. */
export function knownFormats(): readonly string[] {
  return Object.keys(ajvAll.formats)
}

/** What the meta-schema says of a schema: the steps to each keyword that is faulty, and what is wrong with it. */
export function metaSchemaFaults(schema: JsonSchema): (readonly [string[], string])[] {
  if (ajvAll.validateSchema(schema) === true) return []
  const errors = ajvAll.errors ?? []
  // A keyword that fits none of several forms is reported once for each.
  const pointers = [...new Set(errors.map(({ instancePath }) => instancePath))]
  const deepest = pointers.filter((at) => !pointers.some((other) => other.startsWith(`${at}/`)))
  return deepest.flatMap((at) => {
    const all = errors.filter(({ instancePath }) => instancePath === at)
    const error = all.find(({ keyword }) => keyword === 'enum') ?? all[0]
    return error === undefined ? [] : [[pointerSteps(at), detailOf(error)] as const]
  })
}

function compile(ajv: Ajv2020, schema: JsonSchema): ValidateFunction {
  const validate = ajv.compile(schema)
  // Ajv would keep the schema for ever, and refuse another one with the same $id.
  ajv.removeSchema(schema)
  return validate
}

function invalidField(error: ErrorObject): InvalidField {
  const { instancePath, keyword, params } = error
  const child =
    keyword === 'required'
      ? pointerStep(params.missingProperty)
      : keyword === 'additionalProperties'
        ? pointerStep(params.additionalProperty)
        : keyword === 'unevaluatedProperties'
          ? pointerStep(params.unevaluatedProperty)
          : ''
  return { pointer: shortPointer(instancePath + child), detail: detailOf(error) }
}

function detailOf({ keyword, params, message, parentSchema, data }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'missing'
    case 'additionalProperties': {
      const known = Object.keys((parentSchema?.properties as object | undefined) ?? {})
      const guess = didYouMean(String(params.additionalProperty), known)
      return guess === undefined ? 'unknown field' : `unknown field, did you mean ${guess}?`
    }
    case 'unevaluatedProperties':
      return 'unknown field'
    case 'enum':
      return `expected ${either((params.allowedValues as unknown[]).map(String))}, got ${printReceived(data)}`
    case 'type':
      return `expected ${either([params.type].flat().map(withArticle))}, got ${printReceived(data)}`
    default:
      return message ?? keyword
  }
}

/** A long text is not repeated: it may be a secret in the wrong field, and errors are logged. */
function printReceived(data: unknown): string {
  const isLong = typeof data === 'string' && data.length > 30
  return isLong ? `a text of ${data.length} characters` : printValue(data)
}

function withArticle(type: string): string {
  if (type === 'null') return 'null'
  return /^[aio]/.test(type) ? `an ${type}` : `a ${type}`
}
