/**
 * Whether a pointer of a price leads to what it should, judged by the schemas of the route's request and
 * response. A misspelt pointer is thus found when the configuration is read, not on the first bill.
 */
import type { Fault } from '../lib/fault.ts'
import { pointerSteps } from '../lib/json-pointer.ts'
import { dereferenced } from '../lib/named-schemas.ts'
import type { PriceableRoute } from './price-kind.ts'
import { pointedSchema } from './route-body.ts'

type Schema = Readonly<Record<string, unknown>>
type Path = Fault['path']

/** Faults of a pointer to what every request must carry: without it a call could not be counted. */
export function requiredInRequest(
  { request }: PriceableRoute,
  path: Path,
  pointer: string,
  type: string,
): Fault[] {
  const { schema, name = 'request.json' } = pointedSchema(request) ?? {}
  if (schema && requiredType(schema, pointer) === type) return []
  return [{ path, message: `${printPointer(pointer)} must be a required ${type} of ${name}` }]
}

/** Faults of a pointer to what a request may carry. */
export function optionalInRequest(
  { request }: PriceableRoute,
  path: Path,
  pointer: string,
  type?: string,
): Fault[] {
  const pointed = pointedSchema(request)
  return pointed === undefined ? [] : pointerFaults({ ...pointed, path, pointer, type })
}

/** What a keyword such as `maxItems` says of what every request carries at the pointer; undefined where it says nothing. */
export function maximumInRequest(
  { request }: PriceableRoute,
  pointer: string,
  keyword: 'maxItems' | 'maxLength',
): number | undefined {
  const pointed = pointedSchema(request)
  const found = pointed && follow(pointed.schema, pointer)
  const maximum = found === 'anything' ? undefined : found?.[keyword]
  return typeof maximum === 'number' ? maximum : undefined
}

/** Faults of a pointer into the response. A route that does not document its response has none. */
export function inResponse(
  { response }: PriceableRoute,
  path: Path,
  pointer: string,
  type?: string,
): Fault[] {
  if (!response) return []
  if ('binary' in response) {
    return [{ path, message: 'reads a JSON response, and response is binary' }]
  }
  return pointerFaults({ schema: response.json, name: 'response.json', path, pointer, type })
}

/** Faults of a pointer into the items of a list of the response. */
export function inResponseItems(
  { response }: PriceableRoute,
  path: Path,
  { list, pointer }: { readonly list: string; readonly pointer: string },
): Fault[] {
  const found = response && 'json' in response ? follow(response.json, list) : undefined
  const items = found === 'anything' ? undefined : found?.items
  if (!isSchema(items) || follow(items, pointer) !== undefined) return []
  const message = `${printPointer(pointer)} is not in the items of ${printPointer(list)} in response.json`
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
  if (found === undefined) return [{ path, message: `${printPointer(pointer)} is not in ${name}` }]
  const got = found === 'anything' ? undefined : found.type
  if (got === undefined || type === undefined || typesOf(got).includes(type)) return []
  return [{ path, message: `${printPointer(pointer)} must be of type ${type} in ${name}` }]
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
    if (!isSchema(at.properties)) return 'anything'
    const next = propertyOf(at, step)
    if (next === undefined) return undefined
    at = next
  }
  return at
}

function propertyOf(schema: Schema, name: string): Schema | undefined {
  const properties = schema.properties
  if (!isSchema(properties) || !Object.hasOwn(properties, name)) return undefined
  const property = properties[name]
  return isSchema(property) ? dereferenced(property) : undefined
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function printPointer(pointer: string): string {
  return pointer === '' ? 'the whole document' : pointer
}
