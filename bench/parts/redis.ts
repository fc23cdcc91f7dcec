/** The Redis of a bench: REDIS_URL, or a redis-server of its own where one is installed. */
import { freePort } from '../../src/postgres/free-port.ts'
import { endWithUs } from './child.ts'

export interface BenchRedis extends AsyncDisposable {
  readonly url?: string
  /** Of the server, where it is ours. */
  readonly pid?: number
  stop(): Promise<void>
}

export async function startRedis(): Promise<BenchRedis> {
  const url = process.env.REDIS_URL
  if (url) return { url, ...endedBy(async () => {}) }
  if (!Bun.which('redis-server')) return endedBy(async () => {})
  const port = await freePort()
  const child = Bun.spawn(
    ['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', '/tmp'],
    { stdout: 'ignore', stderr: 'ignore' },
  )
  const stop = endWithUs(child)
  await untilItListens(port)
  return { url: `redis://127.0.0.1:${port}`, pid: child.pid, ...endedBy(stop) }
}

function endedBy(stop: () => Promise<void>) {
  return { stop, [Symbol.asyncDispose]: stop }
}

async function untilItListens(port: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
      socket.end()
      return
    } catch (error) {
      if (attempt === 100) throw error
      await Bun.sleep(50)
    }
  }
}
