/** The parameters of a call's path and query, for the API documentation. */
import type { Route } from '../../config/config.ts'
import { type JsonSchema, schemaCheck } from '../../config/json-schema.ts'
import { parsePathTemplate } from '../../lib/path-template.ts'
import { exampleOf } from './openapi-example.ts'
import { rebased } from './openapi-schemas.ts'
import type { Parameter } from './openapi-types.ts'

/** The path as OpenAPI writes it, which knows no tails: `/v1/files/{path*}` is `/v1/files/{path}`. */
export function documentedPath({ path }: Route): string {
  return path.replace('*}', '}')
}

export function urlParameters(route: Route): Parameter[] {
  return [...pathParameters(route), ...queryParameters(route)]
}

function pathParameters({ path, parameters }: Route): Parameter[] {
  const { names, tail } = parsePathTemplate(path)
  return names.map((name) => {
    const schema = parameters[name] ?? {}
    const { description } = schema
    const text = [description, name === tail ? tailText : undefined].filter(
      (part) => typeof part === 'string',
    )
    return {
      ...{ name, in: 'path', required: true },
      ...(text.length > 0 && { description: text.join(' ') }),
      ...withExample(schema),
    }
  })
}

const tailText =
  'The rest of the path: it can have several segments, with slashes between them that are not encoded. ' +
  'OpenAPI cannot say so, and this page encodes a slash, so try it out with one segment.'

function queryParameters({ query = {} }: Route): Parameter[] {
  if (query === 'any') return [anyQuery]
  const { properties = {}, required } = query as QuerySchema
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: 'query', required: required?.includes(name) === true },
    ...(typeof schema.description === 'string' && { description: schema.description }),
    ...withExample(schema),
  }))
}

/** As querySchema makes it. */
interface QuerySchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
}

const anyQuery: Parameter = {
  name: 'query',
  in: 'query',
  required: false,
  description: 'Any parameters: they are forwarded as they are.',
  schema: { type: 'object', additionalProperties: { type: 'string' } },
}

/** The schema, and an example where one can be made that fits it. */
function withExample(schema: JsonSchema): Pick<Parameter, 'schema' | 'example'> {
  const example = exampleOf(schema)
  const fits = example !== undefined && schemaCheck(schema)(example, false).length === 0
  return { schema: rebased(schema, '#'), ...(fits && { example }) }
}
