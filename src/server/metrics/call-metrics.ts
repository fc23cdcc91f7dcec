/** Calls: how many there were, their statuses and refusals, and where their time went. */
import { Histogram, type Registry } from 'prom-client'
import type { ObservedCall } from '../../proxy/proxy.ts'
import { coarseSeconds, fineSeconds } from './buckets.ts'
import { openTally } from './tally.ts'

export interface CallMetrics {
  /** Counts a call, when its response begins. */
  call(call: ObservedCall): void
  /** Counts a hold that was settled this long after it was granted. */
  settled(heldMs: number): void
}

/** The refusals that alerts name. */
const watchedRefusals = ['internal', 'ledger_unavailable', 'price_missing'] as const

/** @param routes ids of the configured routes */
export function callMetrics(registry: Registry, routes: readonly string[]): CallMetrics {
  const registers = [registry]
  const requests = openTally(registry, {
    name: 'tollbook_requests_total',
    help: 'Calls, by route ("none": no such route) and status',
    labelNames: ['route', 'status'],
  })
  const refusals = openTally(registry, {
    name: 'tollbook_refusals_total',
    help: 'Calls that were refused, by the code of the problem document',
    labelNames: ['route', 'reason'],
  })
  const upstream = new Histogram({
    name: 'tollbook_upstream_seconds',
    help: 'Waiting for the upstream, until the response to the client could begin',
    labelNames: ['route'],
    buckets: coarseSeconds,
    registers,
  })
  const overhead = new Histogram({
    name: 'tollbook_gateway_overhead_seconds',
    help: 'What the gateway added to calls that reached an upstream: call time minus upstream time',
    buckets: fineSeconds,
    registers,
  })
  const holdToSettle = new Histogram({
    name: 'tollbook_hold_to_settle_seconds',
    help: 'From the hold to its settlement',
    buckets: coarseSeconds,
    registers,
  })
  // Alerts look for an increase, and a series that begins with its first event shows none for it.
  for (const route of routes) {
    for (const reason of watchedRefusals) refusals.add(route, reason, 0)
  }

  return {
    call({ route, status, refusal, latencyMs, upstreamMs }) {
      requests.add(route, status)
      if (refusal !== undefined) refusals.add(route, refusal)
      if (upstreamMs === 0) return
      upstream.observe({ route }, upstreamMs / 1_000)
      overhead.observe((latencyMs - upstreamMs) / 1_000)
    },
    settled(heldMs) {
      holdToSettle.observe(heldMs / 1_000)
    },
  }
}
