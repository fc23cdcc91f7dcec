/** Bytes that the gateway does not look into: it forwards them as they come, under the type that the client says. */
import { announcedFault, type BodyLimits } from '../../lib/http-body.ts'
import { isOneOf, mediaTypeOf } from './media-type.ts'
import { StreamedBody } from './streamed-body.ts'
import { type Refused, refuse, refusedBody, takeBody } from './take-body.ts'

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

/** The same where the body is sent on while it arrives. Its length is known, and nothing of it is read yet. */
export function openRawBody(
  request: Request,
  types: readonly string[],
  limits: BodyLimits,
): { readonly stream: StreamedBody; readonly contentType: string } | Refused {
  const wrong = wrongType(request, types)
  if (wrong !== undefined) return wrong
  const fault = announcedFault(request, limits)
  if (fault !== undefined) return refusedBody(fault, limits)
  const { body, headers } = request
  if (body === null) return refuse(400, 'The body is empty')
  const stream = new StreamedBody(body, Number(headers.get('content-length')), limits)
  return { stream, contentType: headers.get('content-type') ?? '' }
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
