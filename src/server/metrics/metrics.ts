/**
 * What a gateway tells of itself, in Prometheus' terms.
 *
 * Labels take few values by construction: ids of configured routes, statuses, codes, modes, plans. Never a
 * key, an account or a path that a client chose: a client could make as many series of them as it likes.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import { version } from '../../../package.json'
import { type AppendMetrics, appendMetrics } from './append-metrics.ts'
import { type CallMetrics, callMetrics } from './call-metrics.ts'
import { processMetrics } from './process-metrics.ts'

/** A request to a route that is no call. */
export interface RequestSeen {
  /** `other` where there is no such route: a client may send any. */
  readonly method: string
  /** The route's pattern, such as `/api-keys/:id`, or `none`. */
  readonly route: string
  readonly status: number
  readonly requestId: string | undefined
  readonly latencyMs: number
}

/** What is asked of the gateway's parts when somebody scrapes. */
export interface MetricsSources {
  readonly callsInFlight: () => number
  /** Items that wait for the ledger or are under way to it. */
  readonly appendsPending: () => number
  readonly windowsDegraded: () => boolean
}

export interface Metrics extends CallMetrics, AppendMetrics {
  readonly registry: Registry
  /** A request to any other route, when its answer begins. */
  request(seen: RequestSeen): void
}

/** @param routes ids of the configured routes */
export function openMetrics(routes: readonly string[], sources: MetricsSources): Metrics {
  const registry = new Registry()
  for (const metric of processMetrics()) registry.registerMetric(metric)
  buildInfo(registry)
  gauges(registry, sources)
  const others = new Counter({
    name: 'tollbook_other_requests_total',
    help: 'Requests that are no calls (management, health), by the pattern of their route',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  })
  return {
    registry,
    ...callMetrics(registry, routes),
    ...appendMetrics(registry, routes),
    request({ method, route, status }) {
      others.inc({ method, route, status })
    },
  }
}

function gauges(registry: Registry, sources: MetricsSources): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `tollbook_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge('calls_in_flight', 'Calls and streams under way', sources.callsInFlight)
  gauge('append_pending', 'Items waiting for the ledger', sources.appendsPending)
  gauge('windows_degraded', 'This gateway admits by its local share of the limits', () =>
    sources.windowsDegraded() ? 1 : 0,
  )
}

function buildInfo(registry: Registry): void {
  new Gauge({
    name: 'tollbook_build_info',
    help: 'Versions of the program and of Bun',
    labelNames: ['version', 'bun'],
    registers: [registry],
  }).set({ version, bun: Bun.version }, 1)
}
