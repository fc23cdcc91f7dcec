/** `/metrics` on an address of its own: metrics are for the operator's network, never for the public one. */
import { urlHost, withoutBrackets } from '../../lib/url-host.ts'
import { type Endpoint, listenAt } from '../own-port.ts'

export interface MetricsServer {
  /** The address of the metrics, path included. */
  readonly url: string
  stop(): Promise<void>
}

/** @throws Error when the address is taken, saying what to do */
export function serveMetrics(endpoint: Endpoint, scrape: () => Promise<string>): MetricsServer {
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
  const server = listenAt(endpoint, { served: 'metrics are', variable: 'METRICS_PORT' }, listen)
  return {
    url: `http://${urlHost(hostname)}:${server.port}/metrics`,
    stop: () => server.stop(true),
  }
}
