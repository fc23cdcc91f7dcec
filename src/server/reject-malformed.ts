/**
 * Rejects requests that two readers could understand differently, before anything looks at them. The server's
 * parser already rejects nearly all of them (docs/SECURITY.md lists them); these are the rest.
 */
import { newRequestId } from '../lib/ids.ts'
import { problemOf } from '../problems/problem-document.ts'
import { invalidRequest } from '../problems/refusal.ts'
import type { Provider } from '../providers/provider.ts'
import { pathOf } from '../proxy/request/route-table.ts'
import type { ObservedRequest } from './metrics/metrics.ts'

type Handle = (request: Request) => Response | Promise<Response>

/**
 * @param providerOf whose clients ask for a path
 * @param observe is called for every request that is rejected here
 */
export function rejectMalformed(
  handle: Handle,
  providerOf: (path: string) => Provider | undefined,
  observe: (request: ObservedRequest) => void,
): Handle {
  return (request) => {
    const fault = faultOf(request)
    if (fault === undefined) return handle(request)
    const requestId = newRequestId()
    const refusal = invalidRequest([{ pointer: '', detail: fault }])
    const provider = providerOf(pathOf(request.url))
    const response = problemOf(
      { ...refusal, headers: { Connection: 'close' } },
      requestId,
      provider,
    )
    observe({ method: 'other', route: 'none', status: response.status, requestId, latencyMs: 0 })
    return response
  }
}

function faultOf({ headers, url }: Request): string | undefined {
  // The parser joins equal lengths with a comma, and the result is not a number to compare.
  if (headers.get('content-length')?.includes(',')) return 'Content-Length occurs more than once.'
  if (headers.get('host')?.includes(',')) return 'There is more than one Host.'
  // Without a host, the URL is the target as it was sent, and the router would look for the path further on in it.
  if (url.startsWith('/') && !probes.has(url)) return 'The Host is missing or not valid.'
  return undefined
}

/** Load balancers request these with HTTP/1.0, which does not need a Host. */
const probes: ReadonlySet<string> = new Set(['/health', '/ready'])
