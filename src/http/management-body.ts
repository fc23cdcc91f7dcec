/** Parses the bodies of management requests: small, JSON, and nothing in them that the ledger cannot store. */
import type { BodyMemory, NewBodyMemory } from '../lib/body-memory-budget.ts'
import { type BodyFault, readBody } from '../lib/http-body.ts'
import { pointerStep, shortPointer } from '../lib/json-pointer.ts'
import { printableFault } from '../lib/printable-text.ts'
import { parseStrictJson } from '../lib/strict-json.ts'
import { type InvalidPart, invalidRequest, type Refusal } from '../problems/refusal.ts'
import { RequestRefused } from './errors/request-refused.ts'

/** Far more than any of these requests needs. */
const maxBytes = 65_536

interface ManagementBodies {
  /** How long a client may take to send a body. */
  readonly maxSeconds: number
  /** The memory that these bodies share with those of calls. */
  readonly newBodyMemory: NewBodyMemory
}

/**
 * Reads the bodies of all management routes. It returns the body as JSON, or undefined when there is no body,
 * and throws RequestRefused for anything else.
 */
export function managementBodyReader({ maxSeconds, newBodyMemory }: ManagementBodies) {
  return async (request: Request): Promise<unknown> => {
    if (request.body === null || request.headers.get('content-length') === '0') return undefined
    if (!isJson(request.headers.get('content-type'))) {
      throw new RequestRefused({
        code: 'unsupported_media_type',
        detail: 'Expected Content-Type: application/json.',
      })
    }
    const memory = newBodyMemory()
    memory.owner = 'management'
    try {
      const body = await readCounted(request, maxSeconds, memory)
      if (typeof body === 'string') throw new RequestRefused(bodyRefusals[body])
      return parseObject(body)
    } finally {
      memory.free()
    }
  }
}

/** Memory is taken for the whole of a body whose length is announced, and for every piece of any other. */
async function readCounted(
  request: Request,
  maxSeconds: number,
  { take }: BodyMemory,
): Promise<Uint8Array | BodyFault> {
  const announced = Number(request.headers.get('content-length') ?? 0)
  if (announced <= maxBytes && !take(announced)) return 'no_room'
  return readBody(request, { maxBytes, maxSeconds, take })
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
  const fault = faultIn(json, '')
  if (fault !== undefined) throw new RequestRefused(invalidRequest([fault]))
  return json
}

/** Names that every object has without being given them. Whoever reads such a field may well call it. */
const inheritedNames: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype))

/** What no body of these routes has anywhere: a field of an inherited name, and a text that cannot be printed. */
function faultIn(json: unknown, pointer: string): InvalidPart | undefined {
  if (typeof json === 'string') {
    const detail = printableFault(json)
    return detail === undefined ? undefined : { pointer: shortPointer(pointer), detail }
  }
  if (typeof json !== 'object' || json === null) return undefined
  for (const [name, value] of Object.entries(json)) {
    const at = pointer + pointerStep(name)
    if (inheritedNames.has(name)) return { pointer: shortPointer(at), detail: 'unknown field' }
    const fault = faultIn(value, at)
    if (fault !== undefined) return fault
  }
  return undefined
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
