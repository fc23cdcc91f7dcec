/**
 * Old payloads read as today's. The log is never rewritten: when a type gets a new version, a pure
 * function keyed `Type@oldVersion` turns the old payload into the next version's shape.
 */
type Upcaster = (payload: Record<string, unknown>) => Record<string, unknown>

const upcasters: Readonly<Record<string, Upcaster>> = {}

/** The payload in today's shape, whichever version it was written in. */
export function upcast(
  type: string,
  version: number,
  payload: Record<string, unknown>,
): Record<string, unknown> {
  const step = upcasters[`${type}@${version}`]
  return step ? upcast(type, version + 1, step(payload)) : payload
}
