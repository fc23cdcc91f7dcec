/** What prom-client knows of the process, as far as it is true under Bun. */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'

/**
 * Left out: garbage collection and heap spaces, which Bun does not report; lag percentiles, which are not
 * numbers there; handles and requests, which are always none; virtual memory, most of which is reserved
 * and not used; and Node's version, which it is not.
 */
const kept = [
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_eventloop_lag_seconds',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
]

let collected: Registry | undefined

/** The process's metrics; there is one process, so all registries share them. */
export function processMetrics(): Metric[] {
  if (!collected) {
    collected = new Registry()
    collectDefaultMetrics({ register: collected })
  }
  const registry = collected
  return kept.flatMap((name) => registry.getSingleMetric(name) ?? [])
}
