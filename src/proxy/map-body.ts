/** Our JSON body as the service wants it: other names, other spellings, what it needs and we leave out. */
import type { FieldMap } from '../config/config.ts'

/** Their body. A field that is absent from ours and has no default is left out of theirs. */
export function mapBody(json: unknown, map: FieldMap): Record<string, unknown> {
  const fields: [string, unknown][] = []
  for (const [theirs, source] of Object.entries(map)) {
    const {
      from,
      default: fallback,
      values,
    } = typeof source === 'string' ? { from: source } : { default: undefined, ...source }
    const ours = ownField(json, from)
    const value = ours === undefined ? fallback : translate(ours, values)
    if (value !== undefined) fields.push([theirs, value])
  }
  return Object.fromEntries(fields)
}

function translate(value: unknown, values: Readonly<Record<string, unknown>> | undefined): unknown {
  const known = values !== undefined && typeof value === 'string' && Object.hasOwn(values, value)
  return known ? values[value] : value
}

function ownField(json: unknown, name: string): unknown {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, name)) return undefined
  return (json as Record<string, unknown>)[name]
}
