/** Whether what a route takes as its body makes sense. */
import type { Fault } from '../../lib/fault.ts'
import { methodsOf, takesBody } from '../../lib/http-methods.ts'
import { dereferenced } from '../../lib/named-schemas.ts'
import { valueKinds } from '../../lib/text-values.ts'
import type { RouteBody } from '../../pricing/route-body.ts'
import { defaults } from '../defaults.ts'
import type { ConfigFile } from '../file/file-schema.ts'
import type { Route } from '../file/route.ts'
import type { JsonSchema } from '../json-schema.ts'
import { routeBodyOf } from '../route-body-of.ts'
import { jsonSchemaFaults } from './json-schema-faults.ts'
import { unknownName } from './unknown-name.ts'

export function requestFaults(route: Route): Fault[] {
  const { request, response, maxBodyBytes } = route
  const methods = methodsOf(route)
  const faults: Fault[] = []
  const [first] = methods
  if (request && first && !methods.some((method) => takesBody(methods, method))) {
    faults.push({ path: ['request'], message: `a ${first} takes no body` })
  }
  if (request !== undefined) {
    const body = routeBodyOf(request)
    const ofBody = [...bodyFaults(body), ...requiredFaults(request)]
    faults.push(...ofBody.map((fault) => ({ ...fault, path: ['request', ...fault.path] })))
    if ('multipart' in body && maxBodyBytes !== undefined) {
      const message = 'has no effect on a form, set request.multipart.maxBytes'
      faults.push({ path: ['maxBodyBytes'], message })
    }
  }
  if (response && 'json' in response) {
    faults.push(...jsonSchemaFaults(['response', 'json'], response.json))
  }
  return faults
}

/** As load-config.ts has it. */
export function maxBodyBytes({ request, ...route }: Route, { limits }: ConfigFile): number {
  const body = request && routeBodyOf(request)
  if (body && 'multipart' in body) return body.multipart.maxBytes
  return route.maxBodyBytes ?? limits?.maxBodyBytes ?? defaults.limits.maxBodyBytes
}

function bodyFaults(body: RouteBody): Fault[] {
  if ('json' in body) return jsonSchemaFaults(['json'], body.json)
  if ('form' in body) {
    const faults = fieldFaults(['form'], body.form)
    return faults.length > 0 ? faults : formSchemaFaults(body.form)
  }
  if ('multipart' in body) return multipartFaults(body)
  return []
}

/** In the file its fields stand directly under `form`. */
function formSchemaFaults(form: JsonSchema): Fault[] {
  return jsonSchemaFaults([], form).map(({ path, message }) => {
    const steps = path[0] === 'properties' ? path.slice(1) : path
    return { path: ['form', ...steps], message }
  })
}

function multipartFaults({
  multipart: { files, fields, maxBytes },
}: Extract<RouteBody, { multipart: unknown }>): Fault[] {
  const path = ['multipart', 'files']
  const names = Object.keys(files)
  return [
    ...jsonSchemaFaults(['multipart', 'fields'], fields),
    ...(names.length === 0
      ? [{ path, message: 'expected a file at least; a form without files is request.form' }]
      : []),
    ...names.flatMap((name) => [
      ...(Object.hasOwn(propertiesOf(fields), name)
        ? [{ path: ['multipart', 'fields', 'properties', name], message: 'is a file already' }]
        : []),
      ...((files[name]?.maxBytes ?? 0) > maxBytes
        ? [{ path: [...path, name, 'maxBytes'], message: `more than the form's, ${maxBytes}` }]
        : []),
    ]),
  ]
}

/** The fields of a form come as text, so each must say what it is read as. */
function fieldFaults(path: string[], form: Readonly<Record<string, unknown>>): Fault[] {
  return Object.entries(propertiesOf(form)).flatMap(([name, property]) => {
    const kinds = valueKinds(property)
    const at = [...path, name]
    if (typeof property === 'object' && typeof (property as JsonSchema).required === 'boolean') {
      const message = `say \`required: [${name}]\` beside \`form\``
      return [{ path: [...at, 'required'], message }]
    }
    if (kinds === undefined) {
      const message = 'expected a type, an enum or a const: a form carries text'
      return [{ path: at, message }]
    }
    if (kinds.length > 0) return []
    return [
      { path: at, message: 'a form carries texts, numbers, true and false, or lists of them' },
    ]
  })
}

/** `required` beside `form` names fields of it. */
function requiredFaults(request: NonNullable<Route['request']>): Fault[] {
  if (request === 'any' || !('form' in request)) return []
  const names = Object.keys(request.form)
  return (request.required ?? []).flatMap((name, index) =>
    unknownName(['required', index], 'field of request.form', name, names),
  )
}

function propertiesOf(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { properties } = dereferenced(schema)
  return typeof properties === 'object' && properties !== null
    ? (properties as Record<string, unknown>)
    : {}
}
