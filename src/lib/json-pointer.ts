/**
 * JSON pointers (RFC 6901). Quantities that are charged are read through them, so they see own fields only:
 * `/constructor` and `/__proto__` lead nowhere in a body that does not contain these fields.
 */

/** `/results/0/ok` → ['results', '0', 'ok']; the empty pointer is the whole document. */
export function pointerSteps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The step as a pointer writes it, with its slash. */
export function pointerStep(name: string | number): string {
  return `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** The value at the pointer, or undefined where it leads nowhere. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document
  for (const step of pointerSteps(pointer)) {
    if (typeof value !== 'object' || value === null) return undefined
    // A list has canonical indexes only. `length` is its own field too, but JSON has no such field.
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(step)) return undefined
    if (!Object.hasOwn(value, step)) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

const maxPrintedLength = 200

/** The pointer, cut to a length that an error can carry: a name in it may be as long as the whole body. */
export function shortPointer(pointer: string): string {
  if (pointer.length <= maxPrintedLength) return pointer
  return `${pointer.slice(0, maxPrintedLength - 1).toWellFormed()}…`
}
