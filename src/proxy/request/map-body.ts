/** Makes the upstream's JSON body from the client's: other names, other values, and fields that only the upstream needs. */

import type { FieldMap, MappedField } from '../../config/config.ts'
import { isMapping } from '../../lib/is-mapping.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'

/**
 * The upstream's body. A field that the request lacks and that has no default is left out.
 * @param ofUrl the values of the request's path and query
 */
export function mapBody(
  json: unknown,
  map: FieldMap,
  { parameters, query }: Pick<RequestContent, 'parameters' | 'query'> = {},
): Record<string, unknown> {
  const fields: [string, unknown][] = []
  for (const [name, source] of Object.entries(map)) {
    const from: MappedField = typeof source === 'string' ? { from: source } : source
    const { default: fallback, values } = from
    const sent =
      'parameter' in from
        ? ownField(parameters, from.parameter)
        : 'query' in from
          ? ownField(query, from.query)
          : ownField(json, from.from)
    const value = sent === undefined ? fallback : translate(sent, values)
    if (value !== undefined) fields.push([name, value])
  }
  return Object.fromEntries(fields)
}

/** Merges `over` into a document: objects are merged, all else is replaced. */
export function mergeOver(json: unknown, over: unknown): unknown {
  if (!isMapping(json) || !isMapping(over)) return over
  const merged = new Map(Object.entries(json))
  for (const [name, value] of Object.entries(over)) {
    merged.set(name, merged.has(name) ? mergeOver(merged.get(name), value) : value)
  }
  return Object.fromEntries(merged)
}

function translate(value: unknown, values: Readonly<Record<string, unknown>> | undefined): unknown {
  const known = values !== undefined && typeof value === 'string' && Object.hasOwn(values, value)
  return known ? values[value] : value
}

function ownField(json: unknown, name: string): unknown {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, name)) return undefined
  return (json as Record<string, unknown>)[name]
}
