/** What the book could not keep: PostgreSQL's texts have no NUL, and JSON in UTF-8 no half surrogate pairs. */
import type { InvalidPart } from '../gate/refusal.ts'
import { pointerStep, shortPointer } from '../pointer.ts'

/** The first text in plain JSON data, fields' names included, that cannot be kept. */
export function textFault(value: unknown, pointer = ''): InvalidPart | undefined {
  if (typeof value === 'string') return faultOf(value, pointer)
  if (typeof value !== 'object' || value === null) return undefined
  for (const [name, part] of Object.entries(value)) {
    const at = pointer + pointerStep(name)
    const fault = faultOf(name, at) ?? textFault(part, at)
    if (fault) return fault
  }
  return undefined
}

function faultOf(text: string, pointer: string): InvalidPart | undefined {
  const what = text.includes('\0')
    ? 'must not contain the character U+0000'
    : text.isWellFormed()
      ? undefined
      : 'must not contain half a surrogate pair'
  return what === undefined
    ? undefined
    : { pointer: shortPointer(pointer).toWellFormed().replaceAll('\0', ''), detail: what }
}
