/** `/metrics` on an address of its own: metrics are for the operator's network, never for the public one. */
import type { MetricsAddress } from '../../config/environment.ts'
import { urlHost, withoutBrackets } from '../../lib/url-host.ts'

export interface MetricsEndpoint extends MetricsAddress {
  /** Whether a free port will do when this one is taken. */
  readonly orFreePort?: boolean
}

export interface MetricsServer {
  /** The address of the metrics, path included. */
  readonly url: string
  stop(): Promise<void>
}

/** @throws Error when the address is taken, saying what to do */
export function serveMetrics(
  endpoint: MetricsEndpoint,
  scrape: () => Promise<string>,
): MetricsServer {
  const hostname = withoutBrackets(endpoint.hostname)
  const listen = (port: number) =>
    Bun.serve({
      hostname,
      port,
      routes: {
        '/metrics': async () =>
          new Response(await scrape(), {
            headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
          }),
      },
      fetch: () => new Response('Only /metrics is here.\n', { status: 404 }),
    })
  let server: ReturnType<typeof listen>
  try {
    server = listen(endpoint.port)
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') throw error
    if (!endpoint.orFreePort) throw new Error(portTaken(endpoint))
    server = listen(0)
  }
  return {
    url: `http://${urlHost(hostname)}:${server.port}/metrics`,
    stop: () => server.stop(true),
  }
}

function portTaken({ hostname, port }: MetricsAddress): string {
  return (
    `port ${port} of ${hostname}, where metrics are served, is taken: set METRICS_PORT to another ` +
    '(0 takes a free one, off serves none).'
  )
}
