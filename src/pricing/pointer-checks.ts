/**
 * Whether a pointer of a price leads to what it should, judged by the schemas of the route's request and
 * response. A misspelt pointer is thus found when the configuration is read, not on the first bill.
 */

import type { Fault } from '../lib/fault.ts'
import { methodsOf, takesBody } from '../lib/http-methods.ts'
import { isMapping } from '../lib/is-mapping.ts'
import { pointerSteps } from '../lib/json-pointer.ts'
import { dereferenced } from '../lib/named-schemas.ts'
import { parameterType } from '../lib/parameter-schemas.ts'
import type { PriceableRoute } from './price-kind.ts'
import { parameterAt, type RequestSource, sourceFaults, sourceText } from './request-source.ts'
import { pointedSchema } from './route-body.ts'

type Schema = Readonly<Record<string, unknown>>
type Path = Fault['path']

/** Faults of a place at which every request must carry something: without it a call could not be counted. */
export function requiredInRequest(
  route: PriceableRoute,
  path: Path,
  source: RequestSource,
  type: string,
): Fault[] {
  if (typeof source !== 'string') return requiredInUrl(route, path, source, type)
  const { schema, name = 'request.json' } = pointedSchema(route.request) ?? {}
  if (schema && requiredType(schema, source) === type) return bodyFaults(route, path)
  return [{ path, message: `${sourceText(source)} must be a required ${type} of ${name}` }]
}

function requiredInUrl(
  route: PriceableRoute,
  path: Path,
  source: Exclude<RequestSource, string>,
  type: string,
): Fault[] {
  const parameter = parameterAt(route, source)
  if (parameter === undefined) return sourceFaults(route, path, source)
  if (parameter.isRequired && parameterType(parameter.schema) === type) return []
  return [{ path, message: `${sourceText(source)} must be a required ${type}` }]
}

/** A fault of a price that is counted in the body, where some calls of the route have none. */
export function bodyFaults(route: PriceableRoute, path: Path): Fault[] {
  const methods = methodsOf(route)
  const bodyless = methods.find((method) => !takesBody(methods, method))
  if (bodyless === undefined || route.request === undefined) return []
  return [{ path, message: `is counted in the body, and a ${bodyless} has none` }]
}

/** A fault of what is read in the response, where some calls of the route have none. */
function responseBodyFaults(route: PriceableRoute, path: Path): Fault[] {
  if (!methodsOf(route).includes('HEAD')) return []
  return [{ path, message: "is read in the response's body, and a HEAD has none" }]
}

/** Faults of a place at which a request may carry something. */
export function optionalInRequest(
  route: PriceableRoute,
  path: Path,
  source: RequestSource,
  type?: string,
): Fault[] {
  if (typeof source !== 'string') return optionalInUrl(route, path, source, type)
  const pointed = pointedSchema(route.request)
  return pointed === undefined ? [] : pointerFaults({ ...pointed, path, pointer: source, type })
}

/** The same of a place that some request must be able to fill. */
export function readableInRequest(
  route: PriceableRoute,
  path: Path,
  source: RequestSource,
): Fault[] {
  if (typeof source === 'string' && pointedSchema(route.request) === undefined) {
    return [
      { path, message: `${sourceText(source)} is never there: the route takes no JSON or form` },
    ]
  }
  return optionalInRequest(route, path, source)
}

function optionalInUrl(
  route: PriceableRoute,
  path: Path,
  source: Exclude<RequestSource, string>,
  type: string | undefined,
): Fault[] {
  const parameter = parameterAt(route, source)
  if (parameter === undefined) return sourceFaults(route, path, source)
  const got = parameterType(parameter.schema)
  if (type === undefined || typesOf(got).includes(type)) return []
  return [{ path, message: `${sourceText(source)} must be of type ${type}` }]
}

/** What a keyword such as `maxItems` says of what every request carries at the place; undefined where it says nothing. */
export function boundInRequest(
  route: PriceableRoute,
  source: RequestSource,
  keyword: 'maxItems' | 'maxLength' | 'minimum' | 'maximum',
): number | undefined {
  const found = schemaInRequest(route, source)
  const bound = found === 'anything' ? undefined : found?.[keyword]
  return typeof bound === 'number' ? bound : undefined
}

/** The values that a request can have at the place, where its schema lists them; undefined where it does not. */
export function valuesInRequest(
  route: PriceableRoute,
  source: RequestSource,
): readonly unknown[] | undefined {
  const found = schemaInRequest(route, source)
  const listed = found === 'anything' ? undefined : found?.enum
  return Array.isArray(listed) ? listed : undefined
}

function schemaInRequest(route: PriceableRoute, source: RequestSource) {
  if (typeof source !== 'string') return parameterAt(route, source)?.schema
  const pointed = pointedSchema(route.request)
  return pointed && follow(pointed.schema, source)
}

/** Faults of a pointer into the response. A route that does not document its response has none. */
export function inResponse(
  route: PriceableRoute,
  path: Path,
  pointer: string,
  type?: string,
): Fault[] {
  const bodyless = responseBodyFaults(route, path)
  if (bodyless.length > 0) return bodyless
  const { response } = route
  if (!response) return []
  if ('binary' in response) {
    return [{ path, message: 'reads a JSON response, and response is binary' }]
  }
  return pointerFaults({ schema: response.json, name: 'response.json', path, pointer, type })
}

/** The `maximum` that the documented response has at the pointer; undefined where it has none. */
export function maximumInResponse(
  { response }: PriceableRoute,
  pointer: string,
): number | undefined {
  const found = response && 'json' in response ? follow(response.json, pointer) : undefined
  const maximum = found === 'anything' ? undefined : found?.maximum
  return typeof maximum === 'number' ? maximum : undefined
}

/** Faults of a pointer into the items of a list of the response. */
export function inResponseItems(
  { response }: PriceableRoute,
  path: Path,
  { list, pointer }: { readonly list: string; readonly pointer: string },
): Fault[] {
  const found = response && 'json' in response ? follow(response.json, list) : undefined
  const items = found === 'anything' ? undefined : found?.items
  if (!isMapping(items) || follow(items, pointer) !== undefined) return []
  const message = `${sourceText(pointer)} is not in the items of ${sourceText(list)} in response.json`
  return [{ path, message }]
}

interface Wanted {
  readonly schema: Schema
  /** Where the schema stands in the route. */
  readonly name: string
  readonly path: Path
  readonly pointer: string
  readonly type: string | undefined
}

function pointerFaults({ schema, name, path, pointer, type }: Wanted): Fault[] {
  const found = follow(schema, pointer)
  if (found === undefined) return [{ path, message: `${sourceText(pointer)} is not in ${name}` }]
  const got = found === 'anything' ? undefined : found.type
  if (got === undefined || type === undefined || typesOf(got).includes(type)) return []
  return [{ path, message: `${sourceText(pointer)} must be of type ${type} in ${name}` }]
}

/** The type of what every document that fits the schema has at the pointer. */
function requiredType(schema: Schema, pointer: string): unknown {
  let at: Schema | undefined = dereferenced(schema)
  for (const step of pointerSteps(pointer)) {
    const required: unknown = at?.required
    if (at?.type !== 'object' || !Array.isArray(required) || !required.includes(step)) return
    at = propertyOf(at, step)
  }
  return at?.type
}

function typesOf(type: unknown): unknown[] {
  // Every integer is a number.
  return [type].flat().map((name) => (name === 'integer' ? 'number' : name))
}

/** Where a pointer leads in a schema: `anything` where the schema does not say, undefined for nowhere. */
function follow(schema: Schema, pointer: string): Schema | 'anything' | undefined {
  let at = dereferenced(schema)
  for (const step of pointerSteps(pointer)) {
    if (!isMapping(at.properties)) return 'anything'
    const next = propertyOf(at, step)
    if (next === undefined) return undefined
    at = next
  }
  return at
}

function propertyOf(schema: Schema, name: string): Schema | undefined {
  const properties = schema.properties
  if (!isMapping(properties) || !Object.hasOwn(properties, name)) return undefined
  const property = properties[name]
  return isMapping(property) ? dereferenced(property) : undefined
}
