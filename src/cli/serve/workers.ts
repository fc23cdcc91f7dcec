/**
 * `serve --workers`: several gateways behind one port, each a process on a core of its own, and a supervisor that starts them
 * again, stops them together and publishes their metrics as one. The system gives each new connection to one of them.
 */
import { Gauge, Registry } from 'prom-client'
import { urlHost, withoutBrackets } from '../../lib/url-host.ts'
import { mergeExpositions } from '../../server/metrics/merge-expositions.ts'
import { serveMetrics } from '../../server/metrics/serve-metrics.ts'
import type { Endpoint } from '../../server/own-port.ts'
import { type WorkerAddress, workerVariable } from './as-worker.ts'

export interface WorkersOptions {
  readonly count: number
  readonly hostname: string
  /** 0 takes a free one. */
  readonly port: number
  /** What `serve` is given for the worker of this number, which listens on this port. */
  readonly argsOf: (worker: number, port: number) => readonly string[]
  /** How long a worker that stops still takes calls. */
  readonly drainSeconds: number
  /** Of all of them. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where the metrics of all are served; absent: nowhere. */
  readonly metricsEndpoint?: Endpoint | undefined
  readonly log: {
    info(fields: object, message: string): void
    error(fields: object, message: string): void
  }
}

interface Workers extends WorkerAddress {
  /** Resolves with a status for this process when the first worker that never served has ended: the others are stopped. */
  readonly failed: Promise<number>
  /** Asks all to stop, and resolves when they have. */
  stop(): Promise<void>
}

/** A worker that ends unasked is started again after this. */
const restartMs = 1_000
/** How long a worker may take to end after its drain: calls under way, then what is still to be written. */
const lastSeconds = 60
/** A scrape waits no longer for a worker. */
const scrapeMs = 3_000

interface Slot {
  readonly number: number
  process: Bun.Subprocess | undefined
  /** Absent: it does not serve. */
  address: WorkerAddress | undefined
}

/** @throws Error when the port is taken, as a single gateway does */
export function startWorkers(options: WorkersOptions): Workers {
  const { count, hostname, env, log } = options
  const port = requirePort(hostname, options.port)
  const url = `http://${urlHost(withoutBrackets(hostname))}:${port}`
  const slots = Array.from({ length: count }, (_, index): Slot => {
    return { number: index + 1, process: undefined, address: undefined }
  })
  const failed = Promise.withResolvers<number>()
  let isStopping = false

  async function keep(slot: Slot): Promise<void> {
    let hasServed = false
    while (!isStopping) {
      const worker = start(slot)
      const status = await worker.exited
      hasServed ||= slot.address !== undefined
      Object.assign(slot, { process: undefined, address: undefined })
      if (isStopping) return
      const fields = { worker: slot.number, status, signal: worker.signalCode }
      if (!hasServed) {
        log.error(fields, 'a worker could not start')
        failed.resolve(status || 1)
        return
      }
      log.error(fields, 'a worker ended unasked: another one takes its place')
      await Bun.sleep(restartMs)
    }
  }

  function start(slot: Slot): Bun.Subprocess {
    slot.process = Bun.spawn([...ownProgram(), ...options.argsOf(slot.number, port)], {
      env: { ...env, [workerVariable]: `${slot.number}` },
      stdio: ['ignore', 'inherit', 'inherit'],
      // Not of this process's group: a terminal's Ctrl-C is for the supervisor, which asks each worker once.
      detached: true,
      ipc(address: WorkerAddress) {
        slot.address = address
        if (slots.every(({ address }) => address))
          log.info({ url, workers: count }, 'all workers serve')
      },
    })
    log.info({ worker: slot.number, pid: slot.process.pid }, 'a worker starts')
    return slot.process
  }

  // Nobody is started where its port is taken.
  const metrics = options.metricsEndpoint && serveMetrics(options.metricsEndpoint, metricsOf(slots))
  const kept = slots.map(keep)
  const killAll = () => {
    for (const { process: worker } of slots) worker?.kill('SIGKILL')
  }
  // A second signal ends this process at once, and they have no port to keep then.
  process.on('exit', killAll)
  return {
    url,
    metricsUrl: metrics?.url,
    failed: failed.promise,
    async stop() {
      isStopping = true
      for (const { process: worker } of slots) worker?.disconnect()
      const timer = setTimeout(killAll, (options.drainSeconds + lastSeconds) * 1_000)
      await Promise.all(kept)
      clearTimeout(timer)
      await metrics?.stop()
    },
  }
}

/**
 * Workers share a port, and would share it with the workers of another supervisor, too. So it has to be free when they start.
 *
 * @throws Error when it is taken
 */
function requirePort(given: string, port: number): number {
  const hostname = withoutBrackets(given)
  try {
    const server = Bun.serve({ hostname, port, fetch: () => new Response(null, { status: 503 }) })
    const free = server.port
    void server.stop(true)
    return free ?? port
  } catch (error) {
    throw Object.assign(error as Error, { address: hostname })
  }
}

/** The words that run this program again: of the single executable its path, otherwise Bun and the file. */
function ownProgram(): string[] {
  const isExecutable = Bun.main.startsWith('/$bunfs/')
  return isExecutable ? [process.execPath] : [process.execPath, Bun.main]
}

function metricsOf(slots: readonly Slot[]): () => Promise<string> {
  const registry = new Registry()
  const up = new Gauge({
    name: 'tollbook_worker_up',
    help: 'Whether a worker of this supervisor serves, and replied to this scrape',
    labelNames: ['worker'],
    registers: [registry],
  })
  return async () => {
    const texts = await Promise.all(slots.map(({ address }) => scrape(address?.metricsUrl)))
    slots.forEach(({ number }, index) => {
      up.set({ worker: number }, texts[index] === undefined ? 0 : 1)
    })
    const own = await registry.metrics()
    return mergeExpositions([own, ...texts.filter((text) => text !== undefined)])
  }
}

async function scrape(url: string | undefined): Promise<string | undefined> {
  if (url === undefined) return undefined
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(scrapeMs) })
    return response.ok ? await response.text() : undefined
  } catch {
    return undefined
  }
}
