/**
 * What is refused before anything looks at it. The server's parser already refuses nearly every request
 * that two readers could take for different ones (docs/SECURITY.md says what); this is the rest.
 */
import { invalidRequest } from './http/refused.ts'
import { newRequestId } from './ids.ts'
import type { RequestSeen } from './metrics/metrics.ts'
import { problemOf } from './problem.ts'

type Handle = (request: Request) => Response | Promise<Response>

/** @param see is told of requests that are refused here */
export function guarded(handle: Handle, see: (request: RequestSeen) => void): Handle {
  return (request) => {
    const fault = faultOf(request)
    if (fault === undefined) return handle(request)
    const requestId = newRequestId()
    const refusal = { ...invalidRequest([{ pointer: '', detail: fault }]), detail: fault }
    const response = problemOf({ ...refusal, headers: { Connection: 'close' } }, requestId)
    see({ method: 'other', route: 'none', status: response.status, requestId, latencyMs: 0 })
    return response
  }
}

function faultOf({ headers, url }: Request): string | undefined {
  // The parser takes equal ones and joins them; what stands there then is no number to compare.
  if (headers.get('content-length')?.includes(',')) return 'Content-Length stands more than once.'
  const host = headers.get('host')
  if (host?.includes(',')) return 'There is more than one Host.'
  // No URL could be made with it. HTTP/1.0 may name no host, and is answered.
  if (host && url.startsWith('/')) return 'The Host is no name or address.'
  return undefined
}
