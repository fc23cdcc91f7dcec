/** Whether the parameters of a route's path and query have schemas that a text in a URL can meet. */
import { didYouMean } from '../../lib/did-you-mean.ts'
import type { Fault } from '../../lib/fault.ts'
import {
  fitsText,
  parameterType,
  pathParameterSchema,
  queryParameter,
  querySchema,
} from '../../lib/parameter-schemas.ts'
import type { Route } from '../file/route.ts'
import { jsonSchemaFaults } from './json-schema-faults.ts'
import { readTemplate } from './path-faults.ts'

export function parameterFaults(route: Route): Fault[] {
  return [...pathParameterFaults(route), ...queryFaults(route)]
}

function pathParameterFaults({ path, parameters = {}, encodedSlash }: Route): Fault[] {
  const template = readTemplate(path)
  if ('message' in template) return []
  const { names, tail } = template
  const faults = Object.entries(parameters).flatMap(([name, schema]) => {
    const at = ['parameters', name]
    if (!names.includes(name)) return [{ path: at, message: unknownParameter(name, names) }]
    const invalid = jsonSchemaFaults(at, pathParameterSchema(schema, name === tail))
    if (invalid.length > 0) return invalid
    if (fitsText(schema) && parameterType(schema) !== 'array') return []
    const message = 'a parameter of a path is a string, an integer, a number or a boolean'
    return [{ path: at, message }]
  })
  if (encodedSlash !== undefined && names.length === 0) {
    faults.push({ path: ['encodedSlash'], message: 'has no effect on a path without parameters' })
  }
  return faults
}

function unknownParameter(name: string, names: readonly string[]): string {
  if (names.length === 0) return 'the path has no parameters'
  const guess = didYouMean(name, names)
  return guess === undefined
    ? `no parameter of the path, which has ${names.join(', ')}`
    : `no parameter of the path, did you mean ${guess}?`
}

function queryFaults({ query }: Route): Fault[] {
  if (query === undefined || query === 'any') return []
  const faults = Object.entries(query).flatMap(([name, given]) => {
    const path = ['query', name]
    if (!['boolean', 'undefined'].includes(typeof given.required)) {
      return [{ path: [...path, 'required'], message: 'expected true or false' }]
    }
    const { schema } = queryParameter(given)
    const invalid = jsonSchemaFaults(path, schema)
    if (invalid.length > 0 || fitsText(schema)) return invalid
    const message = 'a query carries texts, numbers, true and false, or lists of them'
    return [{ path, message }]
  })
  return faults.length > 0 ? faults : jsonSchemaFaults(['query'], querySchema(query))
}
