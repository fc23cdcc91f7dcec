/** Bytes that the gateway does not look into: it forwards them as they come, under the type that the client says. */
import type { BodyLimits } from '../../lib/http-body.ts'
import { isOneOf, mediaTypeOf } from './media-type.ts'
import { type Refused, refuse, takeBody } from './take-body.ts'

interface RawBody {
  readonly bytes: Uint8Array
  /** Absent where the client says none. */
  readonly contentType?: string
}

/** Reads a body of one of the types. It must not be empty. */
export async function readRawBody(
  request: Request,
  types: readonly string[],
  limits: BodyLimits,
): Promise<RawBody | Refused> {
  const wrong = wrongType(request, types)
  if (wrong !== undefined) return wrong
  const body = await readAnyBody(request, limits)
  return 'refusal' in body || body.bytes.length > 0 ? body : refuse(400, 'The body is empty')
}

/** Reads a body of any type, and be it empty. */
export async function readAnyBody(
  request: Request,
  limits: BodyLimits,
): Promise<RawBody | Refused> {
  const body = await takeBody(request, limits)
  if ('refusal' in body) return body
  const contentType = request.headers.get('content-type')
  return { bytes: body.bytes, ...(contentType !== null && { contentType }) }
}

function wrongType({ headers }: Request, types: readonly string[]): Refused | undefined {
  const name = mediaTypeOf(headers.get('content-type'))?.name
  if (name !== undefined && isOneOf(types, name)) return undefined
  return refuse(415, `Expected Content-Type: ${types.join(', ')}`)
}
