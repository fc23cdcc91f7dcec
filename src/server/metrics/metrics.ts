/**
 * What a gateway measures of itself, as Prometheus reads it.
 *
 * Labels take few values by construction: ids of configured routes, statuses, codes, modes, plans. A key, an
 * account or a path that a client chose is never a label: a client could make as many series as it likes.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import { version } from '../../../package.json'
import { type AppendMetrics, appendMetrics } from './append-metrics.ts'
import { type CallMetrics, callMetrics } from './call-metrics.ts'
import { processMetrics } from './process-metrics.ts'

/** A request to a route that is not a call. */
export interface ObservedRequest {
  /** `other` where no such route exists: a client may send any method. */
  readonly method: string
  /** The route's pattern, such as `/api-keys/:id`, or `none`. */
  readonly route: string
  readonly status: number
  readonly requestId: string | undefined
  readonly latencyMs: number
}

export interface Metrics extends CallMetrics, AppendMetrics {
  readonly registry: Registry
  /** Counts a request that is not a call, when its response begins. */
  request(request: ObservedRequest): void
}

/**
 * @param routes ids of the configured routes
 * @param worker the number of this process where several publish their metrics as one: a label of all of them
 */
export function openMetrics(routes: readonly string[], worker?: number): Metrics {
  const registry = new Registry()
  if (worker !== undefined) registry.setDefaultLabels({ worker })
  for (const metric of processMetrics()) registry.registerMetric(metric)
  buildInfo(registry)
  const otherRequests = new Counter({
    name: 'tollbook_other_requests_total',
    help: 'Requests that are not calls (management, health), by the pattern of their route',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  })
  return {
    registry,
    ...callMetrics(registry, routes),
    ...appendMetrics(registry, routes),
    request({ method, route, status }) {
      otherRequests.inc({ method, route, status })
    },
  }
}

function buildInfo(registry: Registry): void {
  new Gauge({
    name: 'tollbook_build_info',
    help: 'Versions of the program and of Bun',
    labelNames: ['version', 'bun'],
    registers: [registry],
  }).set({ version, bun: Bun.version }, 1)
}
