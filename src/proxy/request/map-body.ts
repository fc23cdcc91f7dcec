/** Our JSON body as the service wants it: other names, other spellings, what it needs and we leave out. */
import type { FieldMap } from '../../config/config.ts'

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

/** A document with another laid over it: objects are merged, all else replaces. */
export function laidOver(json: unknown, over: unknown): unknown {
  if (!isObject(json) || !isObject(over)) return over
  const merged = new Map(Object.entries(json))
  for (const [name, value] of Object.entries(over)) {
    merged.set(name, merged.has(name) ? laidOver(merged.get(name), value) : value)
  }
  return Object.fromEntries(merged)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function translate(value: unknown, values: Readonly<Record<string, unknown>> | undefined): unknown {
  const known = values !== undefined && typeof value === 'string' && Object.hasOwn(values, value)
  return known ? values[value] : value
}

function ownField(json: unknown, name: string): unknown {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, name)) return undefined
  return (json as Record<string, unknown>)[name]
}
