/**
 * Parses JSON that means the same to every reader. What two parsers may read differently is refused (a
 * field that occurs twice, 1e400, half a surrogate pair), and so is NUL, which PostgreSQL cannot store.
 */
import { countJson } from './count-json.ts'
import { pointerStep, shortPointer } from './json-pointer.ts'

/** What is wrong with a document, and where (a JSON pointer). */
interface JsonFault {
  readonly pointer: string
  readonly detail: string
}

const maxDepth = 64

/**
 * The document and its text, or the first fault in it: further faults would say little more.
 *
 * @param maxValues how many values it may have, which are counted before any is made: the document itself, and each item of
 * a list and field of an object in it
 */
export function parseStrictJson(
  bytes: Uint8Array,
  maxValues = Number.POSITIVE_INFINITY,
): { readonly json: unknown; readonly text: string } | { readonly fault: JsonFault } {
  if (bytes.length === 0) return whole('The body is empty, expected JSON')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return whole('The body is not UTF-8')
  }
  const { colons, values } = countJson(text, maxValues)
  if (values > maxValues) return whole(`more than ${maxValues} JSON values (maxJsonValues)`)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return whole('The body is not JSON')
  }
  // What the ledger cannot store stands in JSON that is UTF-8 as escapes alone.
  const found = { fields: 0, hasEscapes: text.includes('\\u') }
  const fault = faultIn(json, 0, found)
  if (fault !== undefined) return { fault: { ...fault, pointer: shortPointer(fault.pointer) } }
  // Every field has one colon outside of strings, and the parser keeps one field of each name. So more
  // colons than fields mean that a field occurs twice.
  if (colons > found.fields) return whole('a field occurs twice in the same object')
  return { json, text }
}

function whole(detail: string): { fault: JsonFault } {
  return { fault: { pointer: '', detail } }
}

interface Found {
  fields: number
  readonly hasEscapes: boolean
}

/** The first fault in a value, with the pointer to it from there. */
function faultIn(value: unknown, depth: number, found: Found): JsonFault | undefined {
  if (typeof value === 'string') return found.hasEscapes ? textFault(value, '') : undefined
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { pointer: '', detail: 'a number too large' }
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === maxDepth) return { pointer: '', detail: `nested deeper than ${maxDepth} levels` }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = faultIn(value[index], depth + 1, found)
      if (fault !== undefined) return below(index, fault)
    }
    return undefined
  }
  for (const name of Object.keys(value)) {
    found.fields++
    if (name === '__proto__') return below(name, { pointer: '', detail: 'unknown field' })
    const nameFault = found.hasEscapes ? textFault(name, '') : undefined
    if (nameFault !== undefined) return nameFault
    const fault = faultIn((value as Record<string, unknown>)[name], depth + 1, found)
    if (fault !== undefined) return below(name, fault)
  }
  return undefined
}

/** A fault as it is found from one level above. */
function below(step: string | number, { pointer, detail }: JsonFault): JsonFault {
  return { pointer: pointerStep(step) + pointer, detail }
}

/** Why the ledger cannot store the text: PostgreSQL's texts have no NUL, and UTF-8 has no half surrogate pairs. */
export function textFault(text: string, pointer: string): JsonFault | undefined {
  if (text.includes('\0')) return { pointer, detail: 'must not contain the character U+0000' }
  if (!text.isWellFormed()) return { pointer, detail: 'must not contain half a surrogate pair' }
  return undefined
}
