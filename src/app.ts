/** The HTTP surface: the configured calls under /v1, and everything about keys, accounts and the gateway. */
import { Elysia } from 'elysia'
import { type CustomerDeps, customerRoutes } from './http/customer.ts'
import { type SystemDeps, systemRoutes } from './http/system.ts'
import { newRequestId } from './ids.ts'
import { problem } from './problem.ts'
import type { CallProxy } from './proxy/call.ts'

export interface AppDeps {
  readonly proxy: CallProxy
  readonly customer: CustomerDeps
  readonly system: SystemDeps
  /** The client's address, proxies considered. */
  readonly ipOf: (request: Request) => string
  readonly log: (message: string, error?: unknown) => void
}

export function createApp({ proxy, customer, system, ipOf, log }: AppDeps) {
  // Without it, a request whose host has three letters or fewer finds no route.
  return new Elysia({ normalize: false, handler: { standardHostname: false } })
    .onError({ as: 'global' }, ({ code, error, request }) => {
      const requestId = newRequestId()
      if (code === 'NOT_FOUND') {
        return problem('not_found', { requestId, detail: 'There is no such route; see /docs.' })
      }
      log(`${request.method} ${request.url.split('?')[0]}: failed`, error)
      return problem('internal', { requestId, detail: 'The gateway failed.' })
    })
    .use(systemRoutes(system))
    .use(customerRoutes(customer))
    .all('/v1/*', ({ request }) => proxy.handle(request, ipOf(request)), {
      parse: 'none',
      detail: { hide: true },
    })
}
