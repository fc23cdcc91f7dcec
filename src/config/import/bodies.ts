/** What an operation takes as its body, and what it responds with, as routes say it. */
import { isMapping } from '../../lib/is-mapping.ts'
import type { RouteRequest } from '../file/request.ts'
import type { JsonSchema } from '../json-schema.ts'
import type { Notes } from './notes.ts'
import {
  entriesOf,
  listOf,
  type Mapping,
  mappingAt,
  type OpenApiDocument,
  oneLine,
} from './openapi-document.ts'
import { examplesOf } from './parameters.ts'
import type { Schemas } from './schemas.ts'
import { textSchemaOf } from './text-schemas.ts'

interface Room {
  readonly document: OpenApiDocument
  readonly schemas: Schemas
  readonly notes: Notes
}

/** By media type, in lower case and without its parameters. */
type Contents = ReadonlyMap<string, Mapping>

/** The route's `request`; undefined where the operation takes no body. */
export function requestOf(
  operation: Mapping,
  method: string,
  room: Room,
): RouteRequest | undefined {
  const body = mappingAt(room.document, operation.requestBody)
  if (body === undefined) {
    if (operation.requestBody !== undefined)
      room.notes.add('its body is a reference that leads nowhere in the document')
    return undefined
  }
  const contents = contentsOf(body.content, room.document)
  if (contents.size === 0) return undefined
  if (method === 'GET' || method === 'HEAD') {
    if (![...contents.values()].every((content) => isEmpty(content, room))) {
      room.notes.add(`the body of a ${method} is not forwarded`)
    }
    return undefined
  }
  return kindOfBody(contents, body.required === true, room)
}

function kindOfBody(contents: Contents, isRequired: boolean, room: Room): RouteRequest {
  const { notes } = room
  const json = jsonOf(contents)
  if (json !== undefined) {
    if (contents.size > 1) notes.add('of several kinds of body, only JSON is taken')
    if (!isRequired)
      notes.add('a body has to be sent, `{}` at least, which the document does not ask for')
    return { json: schemaOf(json, room) }
  }
  const [[type, content] = ['', {}], ...others] = contents
  if (others.length === 0 && type === formType) {
    const form = formOf(content, room)
    if (form !== undefined) return form
    notes.add(
      'the form is forwarded unchecked, because its fields are more than texts and lists of them',
    )
  }
  if (others.length === 0 && type === multipartType) {
    const multipart = multipartOf(content, room)
    if (multipart !== undefined) return multipart
    notes.add('the form with files is forwarded unchecked, because of what its fields are')
  }
  const types = [...contents.keys()]
  return isRequired && types.every((each) => plainType.test(each)) ? { raw: types } : 'any'
}

const formType = 'application/x-www-form-urlencoded'
const multipartType = 'multipart/form-data'
const plainType = /^[a-z]+\/(\*|[a-z0-9.+-]+)$/

function contentsOf(content: unknown, document: OpenApiDocument): Contents {
  const entries = entriesOf(content).map(([type, value]): [string, Mapping] => [
    type.replace(/;.*/s, '').trim().toLowerCase(),
    mappingAt(document, value) ?? {},
  ])
  return new Map(entries)
}

/** The content that is JSON. A type for anything is JSON where its schema has fields. */
function jsonOf(contents: Contents): Mapping | undefined {
  const json = contents.get('application/json') ?? contents.get('text/json')
  if (json !== undefined) return json
  const any = contents.get('*/*')
  return contents.size === 1 && isMapping(any?.schema) && !isBytes(any.schema) ? any : undefined
}

function isEmpty({ schema }: Mapping, { document }: Room): boolean {
  return entriesOf(mappingAt(document, schema)?.properties).length === 0
}

/** The schema of a content with its example. */
function schemaOf(content: Mapping, { document, schemas }: Room): JsonSchema {
  const schema = schemas.convert(content.schema)
  const [example] = examplesOf(content, document)
  const isShort = example !== undefined && JSON.stringify(example).length <= maxExampleLength
  return isShort ? { ...schema, examples: [example] } : schema
}

/** In characters of JSON. */
const maxExampleLength = 4_000

/** undefined where a field is no text. */
function formOf(content: Mapping, room: Room): RouteRequest | undefined {
  const { properties, required } = room.schemas.convertWhole(content.schema)
  if (!isMapping(properties) || hasNamedParts(content, room)) return undefined
  const fields = fieldsOf(properties, room.schemas)
  if (fields === undefined) return undefined
  const names = listOf(required)
    .map(String)
    .filter((name) => Object.hasOwn(fields, name))
  return { form: fields, ...(names.length > 0 && { required: names }) }
}

/** Whether a field is written as several, such as `expand[0]`. */
function hasNamedParts({ encoding }: Mapping, { document }: Room): boolean {
  return entriesOf(encoding).some(([, given]) => mappingAt(document, given)?.style === 'deepObject')
}

function fieldsOf(properties: Mapping, schemas: Schemas): Record<string, JsonSchema> | undefined {
  const fields: [string, JsonSchema][] = []
  for (const [name, property] of Object.entries(properties)) {
    const schema = textSchemaOf(property, schemas)
    if (schema === 'object') return undefined
    const saysType =
      schema.type !== undefined || schema.enum !== undefined || schema.const !== undefined
    fields.push([name, saysType ? schema : { ...schema, type: 'string' }])
  }
  return Object.fromEntries(fields)
}

/** undefined where no field is a file, or one is several files. */
function multipartOf(content: Mapping, room: Room): RouteRequest | undefined {
  const { properties, required, additionalProperties } = room.schemas.convertWhole(content.schema)
  if (!isMapping(properties)) return undefined
  const needed = listOf(required)
  const isFile = (name: string) => isBytes(properties[name])
  const names = Object.keys(properties)
  const texts = Object.fromEntries(Object.entries(properties).filter(([name]) => !isFile(name)))
  const fields = fieldsOf(texts, room.schemas)
  if (fields === undefined || !names.some(isFile)) return undefined
  const files = names
    .filter(isFile)
    .map((name) => [
      name,
      { types: fileTypes(content, name, room), ...(!needed.includes(name) && { optional: true }) },
    ])
  const neededTexts = needed.filter((name) => Object.hasOwn(fields, String(name)))
  const schema = {
    type: 'object',
    ...(neededTexts.length > 0 && { required: neededTexts }),
    properties: fields,
    // Forms refuse what is not listed, unless it is asked for.
    ...(isOpen(additionalProperties) && { additionalProperties: true }),
  }
  return { multipart: { files: Object.fromEntries(files), fields: schema, maxBytes: maxFormBytes } }
}

function isOpen(additionalProperties: unknown): boolean {
  return additionalProperties === true || isMapping(additionalProperties)
}

/** 25 MiB; a document does not say. */
const maxFormBytes = 26_214_400

function fileTypes({ encoding }: Mapping, name: string, { document }: Room): string[] {
  const own = mappingAt(document, isMapping(encoding) ? encoding[name] : undefined)?.contentType
  const types = String(own ?? '')
    .split(',')
    .map((type) => type.trim().toLowerCase())
  return types.every((type) => plainType.test(type)) ? types : [...anyType]
}

const anyType = ['*/*']

/** A text of bytes, as OpenAPI 3.0 and 3.1 say it. */
function isBytes(schema: unknown): boolean {
  if (!isMapping(schema)) return false
  const { type, format, contentMediaType, contentEncoding } = schema
  if (type === 'string' && format === 'binary') return true
  return typeof contentMediaType === 'string' && contentEncoding === undefined
}

/** Whether all that the operation can lead to is another address. */
export function onlyRedirects({ responses }: Mapping): boolean {
  const statuses = entriesOf(responses).map(([status]) => status)
  const canSucceed = statuses.some((status) => status.startsWith('2') || status === 'default')
  return !canSucceed && statuses.some((status) => status.startsWith('3') && status !== '304')
}

type Response = { readonly json: JsonSchema } | { readonly binary: string }

/** The route's `response`, from the first success that the operation describes. */
export function responseOf(operation: Mapping, room: Room): Response | undefined {
  const { document, notes, schemas } = room
  const successes = entriesOf(operation.responses)
    .filter(([status]) => /^2/.test(status) || status === 'default')
    .sort(([a], [b]) => a.localeCompare(b))
  for (const [, given] of successes) {
    const contents = contentsOf(mappingAt(document, given)?.content, document)
    if (contents.has('text/event-stream')) {
      notes.add(
        'a stream of events is sold as a whole: a price per token or per byte needs `streams`',
      )
    }
    const json = jsonOf(contents) ?? [...contents].find(([type]) => type.endsWith('+json'))?.[1]
    if (json !== undefined) return { json: schemaOf(json, { document, schemas, notes }) }
    const [type] = contents.keys()
    if (type !== undefined && type !== '') return { binary: oneLine(type, 100) }
  }
  return undefined
}
