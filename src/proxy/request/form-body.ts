/**
 * A form (application/x-www-form-urlencoded): its fields are checked by their schema, and it is written again from what
 * was read. Parsers differ in what they make of a broken escape, of bytes that are not UTF-8, of `;` or of a field that
 * stands twice; what is written here has one reading.
 */
import type { JsonSchema } from '../../config/json-schema.ts'
import { type Field, pointerOf, readFields } from './form-fields.ts'
import type { ValueLimits } from './json-body.ts'
import { mediaTypeOf } from './media-type.ts'
import { type Refused, refuse, takeBody } from './take-body.ts'

export const formType = 'application/x-www-form-urlencoded'

interface FormBody {
  /** As the client sent it. */
  readonly bytes: Uint8Array
  /** Written again. */
  readonly canonical: Uint8Array
  readonly fields: Readonly<Record<string, unknown>>
}

/** Reads the form of a call and checks it against the schema of its fields. */
export async function readFormBody(
  request: Request,
  schema: JsonSchema,
  limits: ValueLimits,
): Promise<FormBody | Refused> {
  const type = mediaTypeOf(request.headers.get('content-type'))
  if (type?.name !== formType) return refuse(415, `Expected Content-Type: ${formType}`)
  const charset = type.parameters.get('charset')
  if (charset !== undefined && charset.toLowerCase() !== 'utf-8') {
    return refuse(415, 'A form is UTF-8: expected no other charset')
  }
  const body = await takeBody(request, limits)
  if ('refusal' in body) return body
  const { bytes } = body
  const sent = parseForm(bytes, limits.maxJsonValues)
  if (!Array.isArray(sent)) return sent
  const read = readFields(sent, schema, false)
  if ('faults' in read) return { refusal: { status: 400, errors: read.faults } }
  return { bytes, canonical: writeForm(sent), fields: read.values }
}

function parseForm(bytes: Uint8Array, maxFields: number): Field[] | Refused {
  const fields: Field[] = []
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch {
    return refuse(400, 'The body is not UTF-8')
  }
  const parts = text.split('&', maxFields + 1)
  if (parts.length > maxFields) {
    return refuse(400, `more than ${maxFields} fields (maxJsonValues)`)
  }
  for (const part of parts) {
    if (part === '') continue
    const at = part.indexOf('=')
    const name = decode(at < 0 ? part : part.slice(0, at))
    if (name === undefined) {
      return refuse(400, `The name of field ${fields.length + 1} is not percent-encoded UTF-8`)
    }
    const value = at < 0 ? '' : decode(part.slice(at + 1))
    if (value === undefined) return refuse(400, 'not percent-encoded UTF-8', pointerOf(name))
    fields.push([name, value])
  }
  return fields
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text that is encoded; undefined for a broken escape and for bytes that are not UTF-8. */
function decode(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

function writeForm(fields: readonly Field[]): Uint8Array {
  return new TextEncoder().encode(new URLSearchParams(fields as [string, string][]).toString())
}
