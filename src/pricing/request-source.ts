/** Where a value comes from in a request: a JSON pointer into its body, or a parameter of its path or its query. */
import { type Static, Type } from '@sinclair/typebox'
import type { Fault } from '../lib/fault.ts'
import { valueAt } from '../lib/json-pointer.ts'
import { dereferenced } from '../lib/named-schemas.ts'
import { pathParameterSchema, queryParameter } from '../lib/parameter-schemas.ts'
import { parsePathTemplate, TemplateError } from '../lib/path-template.ts'
import { closed, pointer } from '../lib/schema-fields.ts'
import type { RequestContent, UrlRoute } from './price-kind.ts'
import { fieldText } from './text-parts.ts'

const name = (description: string) => Type.String({ minLength: 1, description })

const QuerySource = closed(
  { query: name('A parameter of the query.') },
  { description: 'A parameter of the query.' },
)
const ParameterSource = closed(
  { parameter: name('A parameter of the path.') },
  { description: 'A parameter of the path.' },
)

/** @param description what stands there */
export function requestSource(description: string) {
  return Type.Union([pointer, QuerySource, ParameterSource], {
    description: `${description}: a JSON pointer into the body, or {query: name} or {parameter: name}.`,
  })
}

/** More than the head of a request can have. */
export const maxUrlBytes = 65_536

type UrlSource = Static<typeof QuerySource> | Static<typeof ParameterSource>
export type RequestSource = string | UrlSource

/** The value at the source, or undefined where the request has none. */
export function valueInRequest(source: RequestSource, request: RequestContent): unknown {
  if (typeof source === 'string') return valueAt(request.json, source)
  return 'query' in source
    ? own(request.query, source.query)
    : own(request.parameters, source.parameter)
}

function own(values: Readonly<Record<string, unknown>> | undefined, name: string): unknown {
  return values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined
}

type Schema = Readonly<Record<string, unknown>>

/** What the route says of a parameter of its path or query. */
interface UrlParameter {
  readonly schema: Schema
  readonly isRequired: boolean
}

/** undefined: the route has no such parameter. */
export function parameterAt(route: UrlRoute, source: UrlSource): UrlParameter | undefined {
  if ('query' in source) {
    const { query } = route
    if (typeof query !== 'object' || !Object.hasOwn(query, source.query)) return undefined
    const { schema, isRequired } = queryParameter(query[source.query] as Schema)
    return { schema: dereferenced(schema), isRequired }
  }
  const template = templateOf(route)
  if (!template?.names.includes(source.parameter)) return undefined
  const given = route.parameters?.[source.parameter]
  const schema = pathParameterSchema(given, source.parameter === template.tail)
  return { schema, isRequired: true }
}

/** undefined for a path that cannot be understood, which is said elsewhere. */
function templateOf({ path }: UrlRoute) {
  try {
    return path === undefined ? undefined : parsePathTemplate(path)
  } catch (error) {
    if (error instanceof TemplateError) return undefined
    throw error
  }
}

/** A fault where the route has no such parameter. */
export function sourceFaults(route: UrlRoute, path: Fault['path'], source: UrlSource): Fault[] {
  if (parameterAt(route, source) !== undefined) return []
  const message =
    'parameter' in source
      ? `the path has no parameter ${source.parameter}`
      : `the query has no parameter ${source.query} that is checked`
  return [{ path, message }]
}

/** As an error names it: `/text`, `query q`, `parameter id`. */
export function sourceText(source: RequestSource): string {
  if (typeof source === 'string') return source === '' ? 'the whole document' : source
  return 'query' in source ? `query ${source.query}` : `parameter ${source.parameter}`
}

/** As a refusal names a place of the request: `/text`, `query/q`, `path/id`. */
export function sourceName(source: RequestSource): string {
  if (typeof source === 'string') return source
  return 'query' in source ? `query/${source.query}` : `path/${source.parameter}`
}

/** As its readers know it: `/meta/total` as `meta.total`, a parameter by its name. */
export function sourceMarkdown(source: RequestSource): string {
  if (typeof source === 'string') return fieldText(source)
  return `\`${'query' in source ? source.query : source.parameter}\``
}
