/**
 * `/metrics` on an address of its own, so that what is meant for the operator's network never stands on
 * the public one.
 */
import type { MetricsAddress } from '../config/environment.ts'

export interface MetricsServer {
  /** Where the metrics stand, path included. */
  readonly url: string
  stop(): Promise<void>
}

/**
 * @param address `port` 0 takes a free one
 * @param orFreePort takes a free port too when the address is taken
 * @throws Error when the address is taken, saying what to do
 */
export function serveMetrics(
  address: MetricsAddress,
  { orFreePort, scrape }: { readonly orFreePort: boolean; readonly scrape: () => Promise<string> },
): MetricsServer {
  const { hostname } = address
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
    server = listen(address.port)
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') throw error
    if (!orFreePort) throw new Error(taken(address))
    server = listen(0)
  }
  return {
    url: `http://${hostname.includes(':') ? `[${hostname}]` : hostname}:${server.port}/metrics`,
    stop: () => server.stop(true),
  }
}

function taken({ hostname, port }: MetricsAddress): string {
  return (
    `port ${port} of ${hostname}, where metrics are served, is taken: set METRICS_PORT to another ` +
    '(0 takes a free one, off serves none).'
  )
}
