/**
 * `/metrics` on an address of its own, so that what is meant for the operator's network never stands on
 * the public one.
 */
import type { MetricsAddress } from '../../config/environment.ts'

export interface MetricsPlace extends MetricsAddress {
  /** Takes a free port when this one is taken. */
  readonly orFreePort?: boolean
}

export interface MetricsServer {
  /** Where the metrics stand, path included. */
  readonly url: string
  stop(): Promise<void>
}

/** @throws Error when the address is taken, saying what to do */
export function serveMetrics(place: MetricsPlace, scrape: () => Promise<string>): MetricsServer {
  const { hostname } = place
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
    server = listen(place.port)
  } catch (error) {
    if ((error as { code?: string }).code !== 'EADDRINUSE') throw error
    if (!place.orFreePort) throw new Error(taken(place))
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
