/** Parses the bodies of management requests: small, JSON, and nothing in them that the ledger cannot store. */
import { type BodyFault, readBody } from '../lib/http-body.ts'
import { parseStrictJson } from '../lib/strict-json.ts'
import { invalidRequest, type Refusal } from '../problems/refusal.ts'
import { RequestRefused } from './errors/request-refused.ts'

/** Far more than any of these requests needs. */
const maxBytes = 65_536

/**
 * Elysia's parser for all management routes. It returns the body as JSON, or undefined when there is no body,
 * and throws RequestRefused for anything else.
 *
 * @param maxSeconds how long a client may take to send a body
 */
export function managementBodyParser(maxSeconds: number) {
  return async ({ request }: { readonly request: Request }): Promise<unknown> => {
    if (request.body === null || request.headers.get('content-length') === '0') return undefined
    if (!isJson(request.headers.get('content-type'))) {
      throw new RequestRefused({
        code: 'unsupported_media_type',
        detail: 'Expected Content-Type: application/json.',
      })
    }
    const body = await readBody(request, { maxBytes, maxSeconds })
    if (typeof body === 'string') throw new RequestRefused(bodyRefusals[body])
    return parseObject(body)
  }
}

function isJson(contentType: string | null): boolean {
  return /^application\/(json|[\w.-]+\+json)\s*(;|$)/i.test(contentType?.trim() ?? '')
}

function parseObject(bytes: Uint8Array): object {
  const parsed = parseStrictJson(bytes)
  if ('fault' in parsed) throw new RequestRefused(invalidRequest([parsed.fault]))
  const { json } = parsed
  // Elysia accepts lists, numbers and strings where a body is optional or has no required field.
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new RequestRefused(invalidBody('The body is not a JSON object.'))
  }
  return json
}

function invalidBody(detail: string): Refusal {
  return invalidRequest([{ pointer: '', detail }])
}

const bodyRefusals: Readonly<Record<BodyFault, Refusal>> = {
  encoded: {
    code: 'unsupported_media_type',
    detail: 'A body with a Content-Encoding is not accepted.',
  },
  too_large: { code: 'body_too_large', detail: `The body exceeds ${maxBytes} bytes.` },
  too_slow: {
    code: 'body_too_slow',
    detail: 'The body did not arrive in time.',
    headers: { Connection: 'close' },
  },
  no_room: {
    code: 'bodies_too_large',
    detail: 'The gateway is receiving as much as it can hold; try again.',
    headers: { 'Retry-After': '1' },
  },
  broke_off: invalidBody('The body broke off.'),
}
