/**
 * Parses JSON that means the same to every reader. What two parsers may read differently is refused (a
 * field that occurs twice, 1e400, half a surrogate pair), and so is NUL, which PostgreSQL cannot store.
 */
import { pointerStep, shortPointer } from './json-pointer.ts'
import { endOfString } from './json-text.ts'

/** What is wrong with a document, and where (a JSON pointer). */
interface JsonFault {
  readonly pointer: string
  readonly detail: string
}

const maxDepth = 64

/** The document and its text, or the first fault in it: further faults would say little more. */
export function parseStrictJson(
  bytes: Uint8Array,
): { readonly json: unknown; readonly text: string } | { readonly fault: JsonFault } {
  if (bytes.length === 0) return whole('The body is empty, expected JSON')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return whole('The body is not UTF-8')
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return whole('The body is not JSON')
  }
  const count = { fields: 0 }
  const fault = faultIn(json, '', 0, count)
  if (fault !== undefined) return { fault: { ...fault, pointer: shortPointer(fault.pointer) } }
  // Every field has one colon outside of strings, and the parser keeps one field of each name. So more
  // colons than fields mean that a field occurs twice.
  if (countColons(text) > count.fields) return whole('a field occurs twice in the same object')
  return { json, text }
}

function whole(detail: string): { fault: JsonFault } {
  return { fault: { pointer: '', detail } }
}

function faultIn(
  value: unknown,
  pointer: string,
  depth: number,
  count: { fields: number },
): JsonFault | undefined {
  if (typeof value === 'string') return textFault(value, pointer)
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { pointer, detail: 'a number too large' }
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === maxDepth) return { pointer, detail: `nested deeper than ${maxDepth} levels` }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = faultIn(value[index], `${pointer}/${index}`, depth + 1, count)
      if (fault !== undefined) return fault
    }
    return undefined
  }
  for (const name of Object.keys(value)) {
    count.fields++
    const at = pointer + pointerStep(name)
    const fault =
      name === '__proto__'
        ? { pointer: at, detail: 'unknown field' }
        : (textFault(name, pointer) ??
          faultIn((value as Record<string, unknown>)[name], at, depth + 1, count))
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Why the ledger cannot store the text: PostgreSQL's texts have no NUL, and UTF-8 has no half surrogate pairs. */
export function textFault(text: string, pointer: string): JsonFault | undefined {
  if (text.includes('\0')) return { pointer, detail: 'must not contain the character U+0000' }
  if (!text.isWellFormed()) return { pointer, detail: 'must not contain half a surrogate pair' }
  return undefined
}

/** Counts the colons outside of strings. The text is known to be JSON. */
function countColons(text: string): number {
  let colons = 0
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit === colon) colons++
    else if (unit === quote) index = endOfString(text, index + 1)
  }
  return colons
}

const quote = 0x22
const colon = 0x3a
