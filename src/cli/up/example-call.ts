/** A line for a shell that calls a route of the configuration, made of what its API documentation has as examples. */
import type { Config, Route } from '../../config/config.ts'
import { callsDocument } from '../../http/openapi/openapi-calls.ts'
import { exampleOf } from '../../http/openapi/openapi-example.ts'
import { documentedPath } from '../../http/openapi/openapi-parameters.ts'
import { bytesContent } from '../../http/openapi/openapi-request.ts'
import type { Content, Operation, Parameter } from '../../http/openapi/openapi-types.ts'
import { isFree } from '../../pricing/price-rule.ts'
import type { MultipartForm } from '../../pricing/route-body.ts'

/** Calls the first priced route that has an example of everything it needs; undefined where no route has. */
export function exampleCall(config: Config, url: string, apiKey: string): string | undefined {
  const routes = Object.values(config.routes)
  const pricedFirst = [
    ...routes.filter(({ price }) => !isFree(price)),
    ...routes.filter(({ price }) => isFree(price)),
  ]
  for (const route of pricedFirst) {
    const [method = 'GET'] = route.methods
    const { paths } = callsDocument({ ...config, routes: { [route.id]: route }, schemas: {} })
    const operation = paths[documentedPath(route)]?.[method.toLowerCase()]
    const target = operation && targetOf(route, operation)
    const body = operation?.requestBody ? bodyOptions(route, operation.requestBody.content) : []
    if (target === undefined || body === undefined) continue
    return [
      `curl -si ${quotedUrl(url + target)}`,
      ...methodOption(method, body.length > 0),
      `-H ${quoted(`X-API-Key: ${apiKey}`)}`,
      ...body,
    ].join(' ')
  }
  return undefined
}

function methodOption(method: string, hasBody: boolean): string[] {
  if (method === 'HEAD') return ['-I']
  return method === (hasBody ? 'POST' : 'GET') ? [] : [`-X ${method}`]
}

/** The path with its parameters, and those of the query that are required. */
function targetOf(route: Route, { parameters = [] }: Operation): string | undefined {
  const needed = parameters.filter((parameter) => parameter.required)
  if (needed.some(({ example }) => example === undefined)) return undefined
  const inPath = needed.filter((parameter) => parameter.in === 'path')
  const path = inPath.reduce(
    (text, { name, example }) => text.replace(`{${name}}`, encodeURIComponent(String(example))),
    documentedPath(route),
  )
  const query = needed.filter((parameter) => parameter.in === 'query').map(queryText)
  return path + (query.length > 0 ? `?${query.join('&')}` : '')
}

function queryText({ name, example }: Parameter): string {
  return [example]
    .flat()
    .map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join('&')
}

/** undefined for a body without an example. */
function bodyOptions({ request }: Route, content: Content): string[] | undefined {
  if (request && 'raw' in request) {
    const type = Object.keys(content).find((name) => !name.endsWith('*'))
    return type === undefined ? undefined : [`-H 'Content-Type: ${type}'`, '--data-binary @FILE']
  }
  if (request && 'multipart' in request) return formOptions(request.multipart)
  if (request && 'any' in request) return [`-H 'Content-Type: text/plain'`, '-d hello']
  const isAnyJson = request && 'json' in request && Object.keys(request.json).length === 0
  const json = content['application/json']?.example ?? (isAnyJson ? {} : undefined)
  if (json !== undefined) {
    return [`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(json))}`]
  }
  const form = content['application/x-www-form-urlencoded']?.example
  if (typeof form !== 'object' || form === null) return undefined
  return Object.entries(form).map(
    ([name, value]) => `--data-urlencode ${quoted(`${name}=${String(value)}`)}`,
  )
}

/** The files that every form has, and its fields, as far as they have examples. */
function formOptions({ files, fields }: MultipartForm): string[] {
  const needed = Object.entries(files).filter(([, { optional }]) => !optional)
  const values = exampleOf(fields)
  return [
    ...needed.map(
      ([name, { types }]) => `-F ${quoted(`${name}=@FILE;type=${concreteType(types)}`)}`,
    ),
    ...Object.entries(values ?? {}).map(
      ([name, value]) => `--form-string ${quoted(`${name}=${String(value)}`)}`,
    ),
  ]
}

/** `image/*` is no type to send, so it becomes a common one of its kind. */
function concreteType([type = '']: readonly string[]): string {
  return Object.keys(bytesContent([type]))[0] ?? type
}

/** A query needs quotes: a shell would take what stands behind an ampersand for a command. */
function quotedUrl(url: string): string {
  return /^[\w:/.%~-]+$/.test(url) ? url : quoted(url)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
