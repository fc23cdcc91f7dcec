/**
 * Whether a price rule finds what it counts. What is held must be certain to be in the request, or a
 * call would be free; what is settled is compared with the documented response, so that a misspelt
 * pointer is found now and not on the first bill.
 */

import { pointerSteps } from '../lib/json-pointer.ts'
import type { PricedRoute } from './priced-route.ts'

type Schema = Readonly<Record<string, unknown>>

/** What is wrong with a route, and at which of its fields. */
export interface Fault {
  readonly path: readonly (string | number)[]
  readonly message: string
}

export function priceFaults(route: PricedRoute): Fault[] {
  const { price, chargeWhen } = route
  const faults: Fault[] = []
  switch (price.per) {
    case 'free':
    case 'request':
      break
    case 'item':
      faults.push(...heldFaults(route, ['price', 'hold', 'list'], price.hold.list, 'array'))
      if (price.settle !== undefined) faults.push(...itemFaults(route, price.settle))
      break
    case 'character':
      faults.push(...heldFaults(route, ['price', 'hold', 'text'], price.hold.text, 'string'))
      break
    case 'second':
      faults.push(...audioFaults(route, price.hold.audio))
      if (price.settle !== undefined) {
        const { number } = price.settle
        faults.push(...responseFaults(route, ['price', 'settle', 'number'], number, 'number'))
      }
      break
    case 'token':
      faults.push(...tokenFaults(route, price))
      break
    case 'byte':
      if (chargeWhen !== undefined) {
        const message = 'has no effect on a price per byte, whose answers are not read'
        faults.push({ path: ['chargeWhen'], message })
      }
      break
    default:
      price satisfies never
  }
  if (route.streams !== undefined) faults.push(...streamFaults(route, route.streams))
  if (chargeWhen !== undefined) {
    faults.push(...responseFaults(route, ['chargeWhen', 'pointer'], chargeWhen.pointer))
  }
  return faults
}

function heldFaults(
  { request }: PricedRoute,
  path: string[],
  pointer: string,
  type: string,
): Fault[] {
  const schema = request && 'json' in request ? request.json : undefined
  if (schema && requiredType(schema, pointer) === type) return []
  return [{ path, message: `${printPointer(pointer)} must be a required ${type} of request.json` }]
}

/** The type of what every document that fits the schema has at the pointer. */
function requiredType(schema: Schema, pointer: string): unknown {
  let at: Schema | undefined = schema
  for (const step of pointerSteps(pointer)) {
    const required: unknown = at?.required
    if (at?.type !== 'object' || !Array.isArray(required) || !required.includes(step)) return
    at = propertyOf(at, step)
  }
  return at?.type
}

function audioFaults({ request }: PricedRoute, field: string): Fault[] {
  const file = request && 'multipart' in request ? request.multipart.file : undefined
  if (file === field) return []
  const message =
    file === undefined
      ? 'needs request.multipart, which carries the audio'
      : `the form's file is ${JSON.stringify(file)}, got ${JSON.stringify(field)}`
  return [{ path: ['price', 'hold', 'audio'], message }]
}

function tokenFaults(
  route: PricedRoute,
  { hold, settle }: Extract<PricedRoute['price'], { per: 'token' }>,
): Fault[] {
  const { request } = route
  if (!request || !('json' in request)) {
    return [{ path: ['price', 'per'], message: 'counts tokens of JSON, so request.json is needed' }]
  }
  const limits = hold.limit.flatMap((at, index) =>
    requestFaults(request.json, ['price', 'hold', 'limit', index], at, 'number'),
  )
  const usage = responseFaults(route, ['price', 'settle', 'usage'], settle.usage, 'number')
  return [...limits, ...usage]
}

function streamFaults(
  { price, request }: PricedRoute,
  { when }: NonNullable<PricedRoute['streams']>,
): Fault[] {
  if (price.per !== 'token') {
    return [{ path: ['streams'], message: 'has an effect on a price per token only' }]
  }
  if (!request || !('json' in request)) return []
  return requestFaults(request.json, ['streams', 'when', 'pointer'], when.pointer)
}

/** What a request may carry, but need not. */
function requestFaults(
  schema: Schema,
  path: (string | number)[],
  pointer: string,
  type?: string,
): Fault[] {
  const found = leads(schema, pointer)
  if (found === undefined) {
    return [{ path, message: `${printPointer(pointer)} is not in request.json` }]
  }
  const got = found === 'anything' ? undefined : found.type
  if (got === undefined || type === undefined || types(got).includes(type)) return []
  return [{ path, message: `${printPointer(pointer)} must be of type ${type} in request.json` }]
}

function itemFaults(
  route: PricedRoute,
  settle: { list: string; where?: { pointer: string; equals: unknown } },
): Fault[] {
  const faults = responseFaults(route, ['price', 'settle', 'list'], settle.list, 'array')
  if (faults.length > 0 || settle.where === undefined) return faults
  const items = documented(route, settle.list)?.items
  if (!isSchema(items) || leads(items, settle.where.pointer) !== undefined) return []
  const where = printPointer(settle.where.pointer)
  const message = `${where} is not in the items of ${printPointer(settle.list)} in response.json`
  return [{ path: ['price', 'settle', 'where', 'pointer'], message }]
}

function responseFaults(
  route: PricedRoute,
  path: string[],
  pointer: string,
  type?: string,
): Fault[] {
  const { response } = route
  if (response && 'binary' in response) {
    return [{ path, message: 'reads a JSON answer, and response is binary' }]
  }
  if (!response) return []
  const found = leads(response.json, pointer)
  if (found === undefined) {
    return [{ path, message: `${printPointer(pointer)} is not in response.json` }]
  }
  const got = found === 'anything' ? undefined : found.type
  const fits = got === undefined || type === undefined || types(got).includes(type)
  if (fits) return []
  return [{ path, message: `${printPointer(pointer)} must be of type ${type} in response.json` }]
}

function types(type: unknown): unknown[] {
  // Every integer is a number.
  return [type].flat().map((name) => (name === 'integer' ? 'number' : name))
}

function documented({ response }: PricedRoute, pointer: string): Schema | undefined {
  const found = response && 'json' in response ? leads(response.json, pointer) : undefined
  return found === 'anything' ? undefined : found
}

/** Where a pointer leads in a schema: `anything` where the schema does not say, undefined for nowhere. */
function leads(schema: Schema, pointer: string): Schema | 'anything' | undefined {
  let at = schema
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
  return isSchema(property) ? property : undefined
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function printPointer(pointer: string): string {
  return pointer === '' ? 'the whole document' : pointer
}
