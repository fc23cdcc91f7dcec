/** The metrics of the process that prom-client collects, as far as they are true under Bun. */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'

/**
 * Under Bun the others are missing or wrong: garbage collection and heap spaces are not reported, lag
 * percentiles are not numbers, handles and requests are always none, most of the virtual memory is only
 * reserved, and the version of Node does not apply.
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
