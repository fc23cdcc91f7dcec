/** A few clients in a process of their own, which call all the time: what everybody else's calls take meanwhile. */
import { type Script, startScript } from './child.ts'
import { search } from './shapes.ts'

/** Of the calls that ended since the last lap. */
export interface Lap {
  readonly calls: number
  readonly failed: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly worstMs: number
}

export interface Probe {
  lap(): Promise<Lap>
  stop(): Promise<void>
}

const connections = 4
/** Between two calls of one client, so that they do not use the machine up. */
const pauseMs = 10

/** @param keys called in turn */
export async function startProbe(url: string, keys: readonly string[]): Promise<Probe> {
  const script: Script = await startScript(import.meta.path, [url, keys.join(' ')])
  return { lap: async () => (await script.ask('lap')) as Lap, stop: script.stop }
}

if (import.meta.main) {
  const [, , url, texts] = process.argv as [string, string, string, string]
  const keys = texts.split(' ')
  let latenciesMs: number[] = []
  let failed = 0
  const client = async (first: number) => {
    for (let turn = first; ; turn += connections) {
      const headers = { ...search.headers, 'X-API-Key': keys[turn % keys.length] ?? '' }
      const sentAtMs = performance.now()
      try {
        const { method, path, body } = { method: 'POST', ...search }
        const response = await fetch(url + path, { method, headers, body })
        await response.arrayBuffer()
        if (!response.ok) failed++
      } catch {
        failed++
      }
      latenciesMs.push(performance.now() - sentAtMs)
      await Bun.sleep(pauseMs)
    }
  }
  const rank = (share: number) =>
    latenciesMs[Math.max(0, Math.ceil(latenciesMs.length * share) - 1)] ?? Number.NaN
  process.on('message', () => {
    latenciesMs.sort((a, b) => a - b)
    const of = { p50Ms: rank(0.5), p99Ms: rank(0.99), worstMs: rank(1) }
    const lap: Lap = { calls: latenciesMs.length, failed, ...of }
    latenciesMs = []
    failed = 0
    process.send?.(lap)
  })
  console.log(url)
  for (let n = 0; n < connections; n++) void client(n)
}
