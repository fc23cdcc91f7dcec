/**
 * Makes the upstream's JSON body from the client's: other names, other values, and fields that only the upstream needs.
 * What a client sent as a value stands in it byte for byte.
 */

import type { FieldMap, MappedField } from '../../config/config.ts'
import { fieldTexts } from '../../lib/json-text.ts'
import type { RequestContent } from '../../pricing/price-kind.ts'

/**
 * The upstream's body, as JSON. A field that the request lacks and that has no default is left out.
 * @param text the client's body, as JSON
 * @param ofUrl the values of the request's path and query
 */
export function mapBody(
  text: string,
  map: FieldMap,
  { parameters, query }: Pick<RequestContent, 'parameters' | 'query'> = {},
): string {
  const sent = fieldTexts(text)
  const fields: string[] = []
  for (const [name, source] of Object.entries(map)) {
    const from: MappedField = typeof source === 'string' ? { from: source } : source
    const found =
      'parameter' in from
        ? ownFieldText(parameters, from.parameter)
        : 'query' in from
          ? ownFieldText(query, from.query)
          : sent.get(from.from)
    const value = found === undefined ? textOf(from.default) : translate(found, from.values)
    if (value !== undefined) fields.push(`${JSON.stringify(name)}:${value}`)
  }
  return `{${fields.join(',')}}`
}

function translate(value: string, values: Readonly<Record<string, unknown>> | undefined): string {
  if (values === undefined || !value.startsWith('"')) return value
  const ours: string = JSON.parse(value)
  return Object.hasOwn(values, ours) ? JSON.stringify(values[ours]) : value
}

function ownFieldText(
  values: Readonly<Record<string, unknown>> | undefined,
  name: string,
): string | undefined {
  return values && Object.hasOwn(values, name) ? textOf(values[name]) : undefined
}

/** As JSON; undefined for undefined, unlike the type of `JSON.stringify`. */
function textOf(value: unknown): string | undefined {
  return JSON.stringify(value)
}
