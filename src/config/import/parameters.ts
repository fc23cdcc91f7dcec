/** The parameters of an operation, as routes take them: those of the path, and those of the query. */
import { isMapping } from '../../lib/is-mapping.ts'
import { isConditional, isNeverFromClients, plainHeaderName } from '../header-names.ts'
import type { JsonSchema } from '../json-schema.ts'
import type { Notes } from './notes.ts'
import {
  listOf,
  type Mapping,
  mappingAt,
  type OpenApiDocument,
  oneLine,
} from './openapi-document.ts'
import type { Schemas } from './schemas.ts'
import { textSchemaOf } from './text-schemas.ts'

export interface Parameter {
  readonly name: string
  /** What describes it. */
  readonly given: Mapping
}

interface Parameters {
  readonly path: readonly Parameter[]
  /** As the route says it: `any` where a parameter cannot be described, undefined for none. */
  readonly query: 'any' | Readonly<Record<string, JsonSchema>> | undefined
  /** The operation takes If-None-Match, Range or the like. */
  readonly isConditional: boolean
}

interface Room {
  readonly document: OpenApiDocument
  readonly schemas: Schemas
  readonly notes: Notes
}

/** @param item the path's entry of the document, whose parameters all operations have, unless they say others */
export function parametersOf(item: Mapping, operation: Mapping, room: Room): Parameters {
  const byName = new Map<string, Parameter & { readonly location: string }>()
  for (const each of [...listOf(item.parameters), ...listOf(operation.parameters)]) {
    const given = mappingAt(room.document, each)
    if (given === undefined) {
      room.notes.add('a parameter is a reference that leads nowhere in the document')
      continue
    }
    const { name, in: location } = given
    if (typeof name !== 'string' || typeof location !== 'string') continue
    byName.set(`${location} ${name}`, { name, location, given })
  }
  const all = [...byName.values()]
  const sentIn = (wanted: string) => all.filter(({ location }) => location === wanted)
  if (sentIn('cookie').length > 0) room.notes.add('cookies do not cross the gateway')
  const headers = sentIn('header').map(({ name }) => plainHeaderName(name))
  for (const name of headers) {
    if (isNeverFromClients(name) && !saidOtherwise.has(name)) {
      room.notes.add(`the header ${oneLine(name, 60)} does not cross from clients`)
    }
  }
  return {
    path: sentIn('path'),
    query: queryOf(sentIn('query'), room),
    isConditional: headers.some(isConditional),
  }
}

/** OpenAPI ignores parameters of these names: it says the same elsewhere. */
const saidOtherwise = new Set(['authorization', 'content-type', 'accept'])

function queryOf(parameters: readonly Parameter[], room: Room): Parameters['query'] {
  if (parameters.length === 0) return undefined
  const entries: [string, JsonSchema][] = []
  for (const parameter of parameters) {
    const fields = queryFields(parameter, room)
    if (fields === undefined) {
      const style = parameter.given.style === 'deepObject' ? 'deepObject' : 'an object'
      room.notes.add(
        `the query is forwarded unchecked (\`query: any\`), because of a parameter that is ${style}`,
      )
      return 'any'
    }
    entries.push(...fields)
  }
  return Object.fromEntries(entries)
}

/** One parameter of the query as the fields that a client sends; undefined for what has no names that are known. */
function queryFields({ name, given }: Parameter, room: Room): [string, JsonSchema][] | undefined {
  const isRequired = given.required === true && { required: true }
  // A deepObject is written as several parameters, such as `created[gte]`.
  if (given.style === 'deepObject') return undefined
  const schema = textSchema(given, room)
  if (schema !== 'object') {
    const isJoined =
      schema.type === 'array' && (given.explode === false || isDelimited(given.style))
    if (isJoined) room.notes.add('a list of the query that stands in one text is not checked')
    return [[name, { ...(isJoined ? joined(schema) : schema), ...isRequired }]]
  }
  // Unless they say otherwise, the fields of an object are parameters of their own.
  const { style = 'form', explode = true } = given
  const whole = room.schemas.convertWhole(given.schema)
  if (style !== 'form' || explode !== true || !isMapping(whole.properties)) return undefined
  const properties = Object.entries(whole.properties)
  const fields = properties.map(([field, property]): [string, JsonSchema] | undefined => {
    const converted = textSchemaOf(property, room.schemas)
    return converted === 'object' ? undefined : [field, converted]
  })
  return fields.every((field) => field !== undefined) ? fields : undefined
}

function isDelimited(style: unknown): boolean {
  return style === 'spaceDelimited' || style === 'pipeDelimited'
}

function joined({ description, examples }: JsonSchema): JsonSchema {
  const [example] = listOf(examples).map((list) => listOf(list).join(','))
  return {
    type: 'string',
    ...(description !== undefined && { description }),
    ...(example && { examples: [example] }),
  }
}

/** The schema of a parameter of the path. What has no text of its own is any text. */
export function pathSchema({ given }: Parameter, room: Room): JsonSchema {
  const schema = textSchema(given, room)
  if (schema === 'object' || schema.type === 'array') {
    room.notes.add('a list or an object in the path is taken as a text')
    return typeof given.description === 'string'
      ? { type: 'string', description: given.description }
      : { type: 'string' }
  }
  return schema
}

/** What a parameter is as a text, a list of texts, or an object. */
function textSchema(given: Mapping, { document, schemas }: Room): JsonSchema | 'object' {
  const [content] = isMapping(given.content) ? Object.values(given.content) : []
  const converted = content === undefined ? schemas.convertWhole(given.schema) : { type: 'string' }
  const schema = textSchemaOf(converted, schemas)
  if (schema === 'object') return schema
  const examples = examplesOf(given, document)
  return {
    ...(typeof given.description === 'string' && { description: given.description }),
    ...schema,
    ...(examples.length > 0 && { examples }),
  }
}

/** The examples of a parameter or of a content, which stand beside its schema. */
export function examplesOf({ example, examples }: Mapping, document: OpenApiDocument): unknown[] {
  if (example !== undefined) return [example]
  const [first] = isMapping(examples) ? Object.values(examples) : []
  const value = mappingAt(document, first)?.value
  return value === undefined ? [] : [value]
}
