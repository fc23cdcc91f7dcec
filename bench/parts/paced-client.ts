/** Calls at a pace that does not depend on how fast they are responded to, as customers make them. */
import { median } from './statistics.ts'

export interface Paced {
  readonly calls: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of no success, or without a response. */
  readonly failed: number
}

/** @param request the n-th of them */
export async function callAtPace(
  perSecond: number,
  seconds: number,
  request: (n: number) => Promise<Response>,
): Promise<Paced> {
  const latencies: number[] = []
  let failed = 0
  const one = async (n: number) => {
    const sentMs = performance.now()
    const response = await request(n).catch(() => undefined)
    await response?.arrayBuffer()
    if (!response?.ok) failed++
    latencies.push(performance.now() - sentMs)
  }
  const calls: Promise<void>[] = []
  const startedMs = performance.now()
  while (calls.length < perSecond * seconds) {
    const due = Math.min(
      perSecond * seconds,
      Math.floor(((performance.now() - startedMs) / 1_000) * perSecond),
    )
    while (calls.length < due) calls.push(one(calls.length))
    await Bun.sleep(2)
  }
  await Promise.all(calls)
  latencies.sort((a, b) => a - b)
  const p99Ms = latencies[Math.ceil(latencies.length * 0.99) - 1] ?? Number.NaN
  return { calls: calls.length, p50Ms: median(latencies), p99Ms, failed }
}
