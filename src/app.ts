/** The HTTP surface: the configured calls under /v1, and everything about keys, accounts and the gateway. */
import { Elysia } from 'elysia'
import { clientIp } from './gate/client-ip.ts'
import { newRequestId } from './ids.ts'
import { problem } from './problem.ts'
import type { CallProxy } from './proxy/call.ts'

export interface AppDeps {
  readonly proxy: CallProxy
  readonly trustedProxies: number
  readonly log: (message: string, error?: unknown) => void
}

export function createApp({ proxy, trustedProxies, log }: AppDeps) {
  return new Elysia({ normalize: false })
    .onError({ as: 'global' }, ({ code, error, request }) => {
      const requestId = newRequestId()
      if (code === 'NOT_FOUND') {
        return problem('not_found', { requestId, detail: 'There is no such route; see /docs.' })
      }
      log(`${request.method} ${new URL(request.url).pathname}: failed`, error)
      return problem('internal', { requestId, detail: 'The gateway failed.' })
    })
    .get('/health', () => ({ status: 'ok' }))
    .all(
      '/v1/*',
      ({ request, server }) =>
        proxy.handle(
          request,
          clientIp({
            socketAddress: server?.requestIP(request)?.address ?? '',
            forwardedFor: request.headers.get('x-forwarded-for'),
            trustedProxies,
          }),
        ),
      { parse: 'none' },
    )
}
