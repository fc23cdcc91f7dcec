/**
 * What is refused before anything looks at it. The server's parser already refuses nearly every request
 * that two readers could take for different ones (docs/SECURITY.md says what); this is the rest.
 */
import { invalidRequest } from '../http/errors/management-refusals.ts'
import { newRequestId } from '../lib/ids.ts'
import { problemOf } from '../problems/problem-document.ts'
import type { RequestSeen } from './metrics/metrics.ts'

type Handle = (request: Request) => Response | Promise<Response>

/** @param see is told of requests that are refused here */
export function rejectMalformed(handle: Handle, see: (request: RequestSeen) => void): Handle {
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
  if (headers.get('host')?.includes(',')) return 'There is more than one Host.'
  // Then the target is all there is, as it was sent, and the router would look for the path further on in it.
  if (url.startsWith('/') && !probes.has(url)) return 'The Host is missing, or is none.'
  return undefined
}

/** Load balancers ask for these in HTTP/1.0, which need not name a host. */
const probes: ReadonlySet<string> = new Set(['/health', '/ready'])
