/**
 * What a call is for: the values of its path and its query, checked by the schemas of its route, and the path and query
 * made of them, which are what an Idempotency-Key is bound to and what is forwarded.
 */
import type { Route } from '../../config/config.ts'
import { type InvalidField, schemaCheck } from '../../config/json-schema.ts'
import { parsePathTemplate, parseTargetTemplate, pathFiller } from '../../lib/path-template.ts'
import { textReader } from '../../lib/text-values.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'
import { invalidRequest, type Refusal } from '../../problems/refusal.ts'
import type { PathTexts } from './path-texts.ts'
import { type QueryReader, queryReader } from './query-texts.ts'

export interface CallTarget {
  /** Absent where there are none, as in most calls. */
  readonly content: Pick<RequestContent, 'parameters' | 'query'>
  /** The public path and query. */
  readonly path: string
  /** The path and query on the upstream's side, beginning with a slash. */
  readonly upstreamPath: string
}

export type ReadTarget = CallTarget | { readonly refusal: Refusal }

/** Checks what a call's path and query say. `query` is what stands behind the `?`, undefined for nothing. */
export type TargetReader = (texts: PathTexts, query: string | undefined) => ReadTarget

/** All that can be done once for a route is done here, and not for each call. */
export function targetReader(route: Route): TargetReader {
  const readQuery = queryReader(route)
  const template = parsePathTemplate(route.path)
  const fill = pathFiller(template)
  const fillUpstream =
    route.target.kind === 'upstream' ? pathFiller(parseTargetTemplate(route.target.path)) : fill
  if (template.names.length === 0) {
    return plainReader({ content: {}, path: fill({}), upstreamPath: fillUpstream({}) }, readQuery)
  }
  const readParameters = parameterReader(route)
  return ({ values, encoded }, query) => {
    const parameters = readParameters(values)
    if (parameters.errors) return refuse(parameters.errors)
    const plain = {
      content: parameters,
      path: fill(encoded),
      upstreamPath: fillUpstream(encoded),
    }
    return withQuery(plain, query, readQuery)
  }
}

/** A route whose path has no parameters: without a query, the target is always the same. */
function plainReader(plain: CallTarget, readQuery: QueryReader): TargetReader {
  const withoutQuery = withQuery(plain, undefined, readQuery)
  return (_texts, query) =>
    query === undefined ? withoutQuery : withQuery(plain, query, readQuery)
}

function withQuery(
  { content, path, upstreamPath }: CallTarget,
  query: string | undefined,
  readQuery: QueryReader,
): ReadTarget {
  const read = readQuery(query)
  if ('errors' in read) return refuse(read.errors)
  const { values, written } = read
  return {
    content: { ...content, ...(written !== '' && { query: values }) },
    path: path + written,
    upstreamPath: upstreamPath + written,
  }
}

function parameterReader({ parameters: properties }: Route) {
  const schema = { type: 'object', properties }
  const toValues = textReader(schema)
  const check = schemaCheck(schema)
  return (texts: PathTexts['values']) => {
    const read = toValues(Object.entries(texts))
    if ('repeated' in read) throw new TypeError('a path has a parameter twice')
    const errors = check(read.values, true).map(({ pointer, detail }): InvalidField => {
      return { pointer: `path${pointer}`, detail }
    })
    return errors.length > 0 ? { errors } : { parameters: read.values }
  }
}

function refuse(errors: readonly InvalidField[]): { readonly refusal: Refusal } {
  return { refusal: invalidRequest(errors) }
}
