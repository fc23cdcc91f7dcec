/**
 * What a gateway tells of itself, in Prometheus' terms.
 *
 * Labels take few values by construction: ids of configured routes, statuses, codes, modes, plans. Never a
 * key, an account or a path that a caller chose: a caller could make as many series of them as it likes.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Mode } from '../../events/event.ts'
import { version } from '../../package.json'
import type { CallItem, Verdict } from '../ledger/items.ts'
import type { CallSeen } from '../proxy/call.ts'
import { processMetrics } from './process-metrics.ts'

/** A request to a route that is no call. */
export interface RequestSeen {
  /** `other` where there is no such route: a caller may send any. */
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
  /** Items that wait for the book or are under way to it. */
  readonly appendsPending: () => number
  readonly windowsDegraded: () => boolean
}

export interface Metrics {
  readonly registry: Registry
  /** A call under /v1, when its answer begins. */
  call(seen: CallSeen): void
  /** A hold was settled this long after it was granted. */
  settled(heldMs: number): void
  /** A request to any other route, when its answer begins. */
  request(seen: RequestSeen): void
  /** The book answered a batch of so many items. */
  batch(items: number, roundTripMs: number): void
  /** The book answered an item. */
  item(item: CallItem, verdict: Verdict): void
}

const modes: readonly Mode[] = ['live', 'test']
const itemKinds: readonly CallItem['kind'][] = ['hold', 'settle', 'release', 'expire', 'count']

const fineSeconds = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5]
const coarseSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

/** What alerts ask for by name. */
const watchedRefusals = ['internal', 'ledger_unavailable', 'price_missing'] as const

/** @param routes ids of the configured routes */
export function openMetrics(routes: readonly string[], sources: MetricsSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  for (const metric of processMetrics()) registry.registerMetric(metric)
  gauges(registry, sources)

  const requests = new Counter({
    name: 'tollbook_requests_total',
    help: 'Calls under /v1, by route ("none": no such route) and status',
    labelNames: ['route', 'status'],
    registers,
  })
  const refusals = new Counter({
    name: 'tollbook_refusals_total',
    help: 'Calls under /v1 that were answered with a problem document, by its code',
    labelNames: ['route', 'reason'],
    registers,
  })
  const upstream = new Histogram({
    name: 'tollbook_upstream_seconds',
    help: 'Waiting for the service, until the answer to the caller could begin',
    labelNames: ['route'],
    buckets: coarseSeconds,
    registers,
  })
  const overhead = new Histogram({
    name: 'tollbook_gateway_overhead_seconds',
    help: 'What the gateway added to calls that reached a service: call time minus upstream time',
    buckets: fineSeconds,
    registers,
  })
  const holdToSettle = new Histogram({
    name: 'tollbook_hold_to_settle_seconds',
    help: 'From the hold to its settlement',
    buckets: coarseSeconds,
    registers,
  })
  const others = new Counter({
    name: 'tollbook_other_requests_total',
    help: 'Requests that are no calls (management, health), by the pattern of their route',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const credits = new Counter({
    name: 'tollbook_credits_settled_total',
    help: 'Credits charged through this gateway',
    labelNames: ['mode'],
    registers,
  })
  const items = new Counter({
    name: 'tollbook_append_items_total',
    help: 'What this gateway asked of the book, and the verdicts',
    labelNames: ['kind', 'verdict'],
    registers,
  })
  const batchItems = new Histogram({
    name: 'tollbook_append_batch_items',
    help: 'Items in a batch',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
    registers,
  })
  const batchSeconds = new Histogram({
    name: 'tollbook_append_seconds',
    help: 'Round trip of a batch, commit included',
    buckets: fineSeconds,
    registers,
  })

  // A series that appears with its first event shows no increase for it, and no alert sounds.
  for (const route of routes) {
    for (const reason of watchedRefusals) refusals.inc({ route, reason }, 0)
  }
  for (const mode of modes) credits.inc({ mode }, 0)
  for (const kind of itemKinds) items.inc({ kind, verdict: 'ok' }, 0)

  return {
    registry,
    call({ route, status, refusal, latencyMs, upstreamMs }) {
      requests.inc({ route, status })
      if (refusal !== undefined) refusals.inc({ route, reason: refusal })
      if (upstreamMs === 0) return
      upstream.observe({ route }, upstreamMs / 1_000)
      overhead.observe((latencyMs - upstreamMs) / 1_000)
    },
    settled(heldMs) {
      holdToSettle.observe(heldMs / 1_000)
    },
    request({ method, route, status }) {
      others.inc({ method, route, status })
    },
    batch(size, roundTripMs) {
      batchItems.observe(size)
      batchSeconds.observe(roundTripMs / 1_000)
    },
    item(item, verdict) {
      items.inc({ kind: item.kind, verdict })
      if (item.kind === 'settle' && verdict === 'ok') credits.inc({ mode: item.mode }, item.credits)
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
  gauge('append_pending', 'Items waiting for the book', sources.appendsPending)
  gauge('windows_degraded', 'This gateway admits by its local share of the limits', () =>
    sources.windowsDegraded() ? 1 : 0,
  )
  new Gauge({
    name: 'tollbook_build_info',
    help: 'Versions of the program and of Bun',
    labelNames: ['version', 'bun'],
    registers: [registry],
  }).set({ version, bun: Bun.version }, 1)
}
