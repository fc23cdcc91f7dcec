/**
 * JSON pointers (RFC 6901). They lead to what is counted and charged, so they see own fields only: a
 * body cannot be made to answer `/constructor` or `/__proto__` with something it does not contain.
 */

/** `/results/0/ok` → ['results', '0', 'ok']; the empty pointer is the whole document. */
export function pointerSteps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** A step as it stands in a pointer. */
export function pointerStep(name: string | number): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** The value at the pointer, or undefined where it leads nowhere. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document
  for (const step of pointerSteps(pointer)) {
    if (typeof value !== 'object' || value === null) return undefined
    // A list's items have canonical indexes only; `length` is its own field too, but none of JSON's.
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(step)) return undefined
    if (!Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

const maxPrintedLength = 200

/** For errors: a pointer may hold a name as long as the whole body, and is sent back. */
export function shortPointer(pointer: string): string {
  if (pointer.length <= maxPrintedLength) return pointer
  return `${pointer.slice(0, maxPrintedLength - 1).toWellFormed()}…`
}
