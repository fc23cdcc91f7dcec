/** JSON from a client: it is validated and counted, and forwarded byte for byte. */
import { type JsonSchema, schemaCheck } from '../../config/json-schema.ts'
import type { BodyLimits } from '../../lib/http-body.ts'
import { parseStrictJson } from '../../lib/strict-json.ts'
import { type Refused, refuse, takeBody } from './take-body.ts'

/** A valid body. */
export interface JsonBody {
  /** As the client sent it. */
  readonly bytes: Uint8Array
  /** The same as text. */
  readonly text: string
  readonly json: unknown
}

/** What bounds a body whose values the gateway reads. */
export interface ValueLimits extends BodyLimits {
  /** How many values a JSON body may have, or a form fields. */
  readonly maxJsonValues: number
}

/** Reads the JSON body of a call and checks it against its route's schema, up to the first fault. */
export async function readJsonBody(
  request: Request,
  schema: JsonSchema,
  limits: ValueLimits,
): Promise<JsonBody | Refused> {
  if (!isJson(request.headers.get('content-type'))) {
    return refuse(415, 'Expected Content-Type: application/json')
  }
  const body = await takeBody(request, limits)
  if ('refusal' in body) return body
  return parseJsonBody(body.bytes, schema, limits)
}

function isJson(contentType: string | null): boolean {
  return /^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(contentType?.trim() ?? '')
}

function parseJsonBody(
  bytes: Uint8Array,
  schema: JsonSchema,
  { maxJsonValues }: ValueLimits,
): JsonBody | Refused {
  const parsed = parseStrictJson(bytes, maxJsonValues)
  if ('fault' in parsed) return refuse(400, parsed.fault.detail, parsed.fault.pointer)
  const invalid = schemaCheck(schema)(parsed.json, false)
  if (invalid.length > 0) return { refusal: { status: 400, errors: invalid } }
  return { bytes, text: parsed.text, json: parsed.json }
}
