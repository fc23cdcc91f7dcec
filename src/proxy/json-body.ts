/**
 * JSON from a caller, which is validated, counted and sent on byte for byte. So it must mean the same to
 * every reader: what two parsers may read differently (a field that stands twice, 1e400, half a
 * surrogate pair) is refused, and so is NUL, which PostgreSQL cannot store.
 */
import type { Route } from '../config/config.ts'
import { type InvalidField, type JsonSchema, schemaCheck } from '../config/json-schema.ts'
import { pointerStep, shortPointer } from '../pointer.ts'
import { type Refused, readBody, refuse } from './read-body.ts'

/** A body that is fit to be sent on. */
export interface JsonBody {
  /** As it was sent. */
  readonly bytes: Uint8Array
  readonly json: unknown
}

const maxDepth = 64
/** Up to here all faults are looked for; a large body full of them would cost too much. */
const describedWholeBytes = 16_384

/**
 * Reads the JSON body of a call and checks it against its route's schema.
 *
 * @param maxBytes of the body
 * @throws TypeError when the route takes no JSON
 */
export async function readJsonBody(
  request: Request,
  route: Pick<Route, 'request'>,
  maxBytes: number,
): Promise<JsonBody | Refused> {
  if (!route.request || !('json' in route.request)) throw new TypeError('takes no JSON')
  if (!isJson(request.headers.get('content-type'))) {
    return refuse(415, 'Expected Content-Type: application/json')
  }
  const body = await readBody(request, maxBytes)
  if ('refusal' in body) return body
  return parseJsonBody(body.bytes, route.request.json)
}

function isJson(contentType: string | null): boolean {
  return /^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(contentType?.trim() ?? '')
}

function parseJsonBody(bytes: Uint8Array, schema: JsonSchema): JsonBody | Refused {
  if (bytes.length === 0) return refuse(400, 'The body is empty, expected JSON')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse(400, 'The body is not UTF-8')
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return refuse(400, 'The body is not JSON')
  }
  const errors = faultsOf(text, json)
  if (errors.length > 0) return { refusal: { status: 400, errors } }
  const invalid = schemaCheck(schema)(json, bytes.length <= describedWholeBytes)
  return invalid.length > 0 ? { refusal: { status: 400, errors: invalid } } : { bytes, json }
}

/** What no schema is asked about; the first fault is enough. */
function faultsOf(text: string, json: unknown): InvalidField[] {
  const count = { fields: 0 }
  const fault = walk(json, '', 0, count)
  if (fault !== undefined) return [{ ...fault, pointer: shortPointer(fault.pointer) }]
  // Each field of the text has one colon outside of texts, and the parser kept one field of each name.
  if (countColons(text) > count.fields) {
    return [{ pointer: '', detail: 'a field stands twice in the same object' }]
  }
  return []
}

function walk(
  value: unknown,
  pointer: string,
  depth: number,
  count: { fields: number },
): InvalidField | undefined {
  if (typeof value === 'string') return textFault(value, pointer)
  if (typeof value === 'number') {
    return Number.isFinite(value) ? undefined : { pointer, detail: 'a number too large' }
  }
  if (typeof value !== 'object' || value === null) return undefined
  if (depth === maxDepth) return { pointer, detail: `nested deeper than ${maxDepth} levels` }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const fault = walk(value[index], `${pointer}/${index}`, depth + 1, count)
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
          walk((value as Record<string, unknown>)[name], at, depth + 1, count))
    if (fault !== undefined) return fault
  }
  return undefined
}

export function textFault(text: string, pointer: string): InvalidField | undefined {
  if (text.includes('\0')) return { pointer, detail: 'must not contain the character U+0000' }
  if (!text.isWellFormed()) return { pointer, detail: 'must not contain half a surrogate pair' }
  return undefined
}

/** Colons outside of texts, in what is known to be JSON. */
function countColons(text: string): number {
  let colons = 0
  let inText = false
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    if (unit === quote) inText = !inText
    else if (unit === backslash) index++
    else if (unit === colon && !inText) colons++
  }
  return colons
}

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
