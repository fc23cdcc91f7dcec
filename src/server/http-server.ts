/**
 * The HTTP server of a gateway. The gate and the proxy ask it about the connection of a request; they are
 * built before it listens, and it listens only when everything behind it is built.
 */
import { urlHost, withoutBrackets } from '../lib/url-host.ts'
import type { Phase } from './phase.ts'

/** A connection on which nothing moves is closed after this; Bun's server cannot count further. */
export const idleTimeoutSeconds = 255

export interface HttpServer {
  /** Where the server listens. */
  readonly url: string
  /** @throws Error when the address is taken */
  listen(
    address: {
      readonly hostname: string
      readonly port: number
      /** Whether other processes may listen there, too: the system gives each connection to one of them. */
      readonly isShared?: boolean
    },
    handle: (request: Request) => Response | Promise<Response>,
  ): void
  /** The address at the other end of the request's connection. */
  socketAddressOf(request: Request): string
  /** How long the request's connection may be silent; 0 is for ever. */
  setIdleTimeout(request: Request, seconds: number): void
  /** Takes no new connection; resolves when the last response has left. */
  stop(): Promise<void>
  /** Closes every connection, whatever is under way on it. */
  closeConnections(): Promise<void>
}

export function openHttpServer(phase: Phase): HttpServer {
  let server: ReturnType<typeof Bun.serve> | undefined
  let url = ''

  /** A client that keeps its connection open would never notice that the others go to another gateway. */
  function closeWhenStopping(response: Response): Response {
    if (phase.isStopping) response.headers.set('Connection', 'close')
    return response
  }

  return {
    get url() {
      return url
    },
    listen({ hostname: given, port, isShared = false }, handle) {
      const hostname = withoutBrackets(given)
      try {
        server = Bun.serve({
          ...{ hostname, port, reusePort: isShared },
          idleTimeout: idleTimeoutSeconds,
          maxRequestBodySize: Number.MAX_SAFE_INTEGER, // each route has its own limit, and a refusal for it
          fetch(request) {
            const response = handle(request)
            return response instanceof Promise
              ? response.then(closeWhenStopping)
              : closeWhenStopping(response)
          },
        })
      } catch (error) {
        // Bun's error does not say where it tried to listen.
        throw Object.assign(error as Error, { address: hostname })
      }
      url = `http://${urlHost(hostname)}:${server.port}`
    },
    socketAddressOf: (request) => server?.requestIP(request)?.address ?? '',
    setIdleTimeout: (request, seconds) => server?.timeout(request, seconds),
    async stop() {
      await server?.stop()
    },
    async closeConnections() {
      await server?.stop(true)
    },
  }
}
