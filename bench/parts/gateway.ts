/** This gateway in a process of its own, as `serve` runs it, in front of the bench's upstream. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Part, startScript } from './child.ts'

/** Verifies tokens. */
export const jwtSecret = 'a secret of the bench, long enough to be one'

/** Starts it on a database that `fillBook` made; `checkout` is the folder of another one's. */
export function startBenchGateway(
  options: { databaseUrl: string; redisUrl: string | undefined; upstream: string },
  checkout?: string,
): Promise<Part> {
  const script = checkout ? resolve(checkout, 'bench/parts/gateway.ts') : import.meta.path
  return startScript(script, [options.databaseUrl, options.upstream, options.redisUrl ?? ''])
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , databaseUrl, upstream, redisUrl] = process.argv as [
    string,
    string,
    string,
    string,
    string,
  ]
  const { startGateway } = await import('../../src/gateway.ts')
  const { readEnvironment } = await import('../../src/config/environment.ts')
  const { openLog } = await import('../../src/cli/log.ts')
  const { benchConfig } = await import('./book.ts')
  const gateway = await startGateway({
    config: benchConfig(),
    environment: readEnvironment({
      PORT: '0',
      JWT_SECRET: jwtSecret,
      ...(redisUrl ? { REDIS_URL: redisUrl } : {}),
    }),
    databaseUrl,
    hostname: '127.0.0.1',
    demoUrls: { search: upstream, stt: upstream, tts: upstream },
    log: openLog('warn'),
  })
  console.log(gateway.url)
  process.on('SIGTERM', () => void gateway.stop().then(() => process.exit(0)))
}
