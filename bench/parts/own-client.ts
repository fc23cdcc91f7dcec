/** A small load client over fetch with keep-alive, for machines without wrk. */
import type { Load, Measured } from './measured-load.ts'

/** A request that still has no response this long after the end of the run is given up. */
const graceMs = 5_000

export async function runOwnClient(load: Load): Promise<Measured> {
  const { connections, durationSeconds } = load
  const started = performance.now()
  const deadline = started + durationSeconds * 1_000
  const signal = AbortSignal.timeout(durationSeconds * 1_000 + graceMs)
  const latenciesMs: number[] = []
  let non2xx = 0
  let socketErrors = 0

  const connection = async (first: number) => {
    for (let turn = first; performance.now() < deadline; turn += 1) {
      const sent = performance.now()
      try {
        const response = await fetch(load.url, { ...requestOf(load, turn), signal })
        await response.arrayBuffer()
        if (!response.ok) non2xx += 1
        latenciesMs.push(performance.now() - sent)
      } catch {
        socketErrors += 1
      }
    }
  }
  await Promise.all(Array.from({ length: connections }, (_, i) => connection(i)))
  if (latenciesMs.length === 0) throw new Error(`${load.url} responded to no request at all`)

  const elapsedSeconds = (performance.now() - started) / 1_000
  latenciesMs.sort((a, b) => a - b)
  return {
    requestsPerSecond: latenciesMs.length / elapsedSeconds,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    non2xx,
    socketErrors,
    total: latenciesMs.length,
  }
}

function requestOf({ method = 'GET', headers, body, apiKeys = [] }: Load, turn: number) {
  const apiKey = apiKeys[turn % apiKeys.length]
  return {
    method,
    headers: { ...headers, ...(apiKey !== undefined && { 'X-API-Key': apiKey }) },
    redirect: 'manual' as const,
    ...(body !== undefined && { body }),
  }
}

/** Nearest rank. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
