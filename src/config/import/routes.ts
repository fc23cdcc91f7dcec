/** One operation of a document as a route. */

import type { Method } from '../../lib/http-methods.ts'
import { isMapping } from '../../lib/is-mapping.ts'
import type { PriceRule } from '../../pricing/price-rule.ts'
import type { Route } from '../file/route.ts'
import { requestOf, responseOf } from './bodies.ts'
import { uniqueNames } from './names.ts'
import type { Notes } from './notes.ts'
import { type Mapping, type OpenApiDocument, oneLine } from './openapi-document.ts'
import { type Parameter, parametersOf, pathSchema } from './parameters.ts'
import type { Schemas } from './schemas.ts'
import type { ImportedService } from './services.ts'

export interface RouteRoom {
  readonly document: OpenApiDocument
  readonly schemas: Schemas
  readonly notes: Notes
  readonly price: PriceRule
  /** What stands before every public path: `/v1`, or empty. */
  readonly prefix: string
  /** The names of the parameters of each path, by what the path is without them. */
  readonly parameterNames: Map<string, readonly string[]>
}

export interface Operation {
  readonly method: Method
  /** As the document writes it. */
  readonly path: string
  /** What the document says of the path. */
  readonly item: Mapping
  readonly operation: Mapping
}

export function routeOf(given: Operation, service: ImportedService, room: RouteRoom): Route {
  const { method, path, item, operation } = given
  const parameters = parametersOf(item, operation, room)
  const template = writtenPath(path, parameters.path, room.parameterNames)
  const publicPath = room.prefix + template.text.replace(/\/$/, '')
  const upstreamPath = service.basePath + template.text
  const schemas = template.parameters.map(([name, parameter]) => [
    name,
    pathSchema(parameter, room),
  ])
  const request = requestOf(operation, method, room)
  const response = method === 'HEAD' ? undefined : responseOf(operation, room)
  return {
    method,
    path: publicPath || '/',
    ...(schemas.length > 0 && { parameters: Object.fromEntries(schemas) }),
    ...(template.hasSlashes && { encodedSlash: true }),
    ...(parameters.query !== undefined && { query: parameters.query }),
    summary: summaryOf(given),
    service: service.name,
    ...(upstreamPath !== publicPath && { upstreamPath }),
    ...(request !== undefined && { request }),
    ...(response !== undefined && { response }),
    price: room.price,
    ...(parameters.isConditional && { conditional: true }),
  }
}

function summaryOf({ method, path, operation }: Operation): string {
  const { summary, description } = operation
  const text =
    typeof summary === 'string' && summary.trim() !== '' ? summary : String(description ?? '')
  const [sentence = ''] = oneLine(text, 1_000).split(/(?<=[.!?]) /)
  return oneLine(sentence, 120) || oneLine(`${method} ${path}`, 120)
}

interface WrittenPath {
  /** With the names of parameters that a path of ours can have. */
  readonly text: string
  readonly parameters: readonly (readonly [name: string, given: Parameter])[]
  /** A parameter that is not at the end may contain slashes. */
  readonly hasSlashes: boolean
}

function writtenPath(
  path: string,
  given: readonly Parameter[],
  known: RouteRoom['parameterNames'],
): WrittenPath {
  const written = [...path.matchAll(parameter)].map(([, name = '']) => name)
  // Paths that differ in nothing else have the same names, so that they are one path with several methods.
  const form = path.replace(/\/$/, '').replace(parameter, '{}')
  const names = known.get(form) ?? ownNames(written)
  known.set(form, names)
  const parameters: [string, Parameter][] = []
  let hasSlashes = false
  let index = 0
  const text = path.replace(parameter, (whole, wish: string, at: number) => {
    const own = names[index++] as string
    const name = plainName(wish)
    const found = given.find((each) => each.name === wish || each.name === name)
    parameters.push([own, found ?? { name, given: {} }])
    const isMany = wish !== name || found?.given['x-multi-segment'] === true
    const isTail = isMany && path[at - 1] === '/' && at + whole.length === path.length
    if (isMany && !isTail) hasSlashes = true
    return isTail ? `{${own}*}` : `{${own}}`
  })
  return { text, parameters, hasSlashes }
}

const parameter = /\{([^{}]*)\}/g

/** Some documents write a parameter that may contain slashes `{+path}`, or `{path*}`. */
function plainName(written: string): string {
  return written.replace(/^\+/, '').replace(/\*$/, '')
}

function ownNames(written: readonly string[]): string[] {
  const nameOf = uniqueNames(60, 'p')
  return written.map((name) => nameOf(plainName(name)))
}

const methods: readonly Method[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const otherMethods = ['OPTIONS', 'TRACE']

/** The operations of a path, and the methods of those that no route can have. */
export function operationsOf(
  path: string,
  item: Mapping,
): { readonly ours: readonly Operation[]; readonly others: readonly string[] } {
  const ours = methods.flatMap((method) => {
    const operation = item[method.toLowerCase()]
    return isMapping(operation) ? [{ method, path, item, operation }] : []
  })
  return { ours, others: otherMethods.filter((method) => isMapping(item[method.toLowerCase()])) }
}
