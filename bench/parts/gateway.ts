/** This gateway in a process of its own, as `serve` runs it, in front of the bench's upstream. */
import { pathToFileURL } from 'node:url'
import { type Part, startScript } from './child.ts'

/** Verifies tokens. */
export const jwtSecret = 'a secret of the bench, long enough to be one'

export interface BenchGateway extends Part {
  /** What it has in memory, its garbage collected. */
  memory(): Promise<Memory>
}

export interface Memory {
  /** Of the whole process, in bytes. */
  readonly rss: number
  /** Of JavaScript's objects and what they keep outside of the heap, in bytes. */
  readonly heap: number
}

/** Starts it on a database that `fillBook` made. */
export async function startBenchGateway(options: {
  databaseUrl: string
  redisUrl: string | undefined
  upstream: string
  /** Of a standby that reports read. */
  reportsDatabaseUrl?: string
}): Promise<BenchGateway> {
  const { databaseUrl, upstream, redisUrl = '', reportsDatabaseUrl = '' } = options
  const args = [databaseUrl, upstream, redisUrl, reportsDatabaseUrl]
  const part = await startScript(import.meta.path, args)
  return { ...part, memory: async () => (await part.ask('memory')) as Memory }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [databaseUrl = '', upstream = '', redisUrl, reportsDatabaseUrl] = process.argv.slice(2)
  const { heapStats } = await import('bun:jsc')
  const { startGateway } = await import('../../src/server/gateway.ts')
  const { readEnvironment } = await import('../../src/config/environment.ts')
  const { openLog } = await import('../../src/cli/log.ts')
  const { benchConfig } = await import('./ledger.ts')
  const gateway = await startGateway({
    config: benchConfig(),
    environment: readEnvironment({
      PORT: '0',
      JWT_SECRET: jwtSecret,
      ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
    }),
    variable: () => undefined,
    databaseUrl,
    ...(reportsDatabaseUrl ? { reportsDatabaseUrl } : {}),
    hostname: '127.0.0.1',
    demoUrls: { search: upstream, stt: upstream, tts: upstream, chat: upstream },
    log: openLog('warn'),
  })
  console.log(gateway.url)
  process.on('SIGTERM', () => void gateway.stop().then(() => process.exit(0)))
  process.on('message', () => {
    Bun.gc(true)
    const memory: Memory = { rss: process.memoryUsage.rss(), heap: heapStats().heapSize }
    process.send?.(memory)
  })
}
