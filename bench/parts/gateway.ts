/** This gateway in a process of its own, as `serve` runs it, in front of the bench's upstream. */
import { pathToFileURL } from 'node:url'
import { type Part, startScript } from './child.ts'

/** Verifies tokens. */
export const jwtSecret = 'a secret of the bench, long enough to be one'

export interface BenchGateway extends Part {
  /** What it has in memory, its garbage collected. */
  memory(): Promise<Memory>
  /** Addresses that sign a browser in, once and within ten minutes. @throws where no customer was named */
  signInLinks(): Promise<SignInLinks>
}

/** Of the portal as the customer who was named, and of the console as an admin. */
interface SignInLinks {
  readonly portal: string
  readonly console: string
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
  /** Whose portal a link opens; the console is served then, too. */
  customer?: string
}): Promise<BenchGateway> {
  const { databaseUrl, upstream, redisUrl = '', reportsDatabaseUrl = '', customer = '' } = options
  const args = [databaseUrl, upstream, redisUrl, reportsDatabaseUrl, customer]
  const part = await startScript(import.meta.path, args)
  return {
    ...part,
    memory: async () => (await part.ask('memory')) as Memory,
    async signInLinks() {
      if (!customer) throw new Error('no customer was named when the gateway was started')
      return (await part.ask('links')) as SignInLinks
    },
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [databaseUrl = '', upstream = '', redisUrl, reportsDatabaseUrl, customer] =
    process.argv.slice(2)
  const { heapStats } = await import('bun:jsc')
  const { startGateway } = await import('../../src/server/gateway.ts')
  const { readEnvironment } = await import('../../src/config/environment.ts')
  const { openLog } = await import('../../src/cli/log.ts')
  const { newSignInLink } = await import('../../src/http/auth/sign-in-link.ts')
  const { benchConfig } = await import('./ledger.ts')
  const hostname = '127.0.0.1'
  const links = customer
    ? {
        portal: newSignInLink({ role: 'owner', subject: customer }),
        console: newSignInLink({ role: 'admin', subject: 'ops' }),
      }
    : undefined
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
    hostname,
    ...(links && { signInLink: links.portal, consoleLink: links.console }),
    ...(links && { consoleEndpoint: { hostname, port: 0 } }),
    demoUrls: { search: upstream, stt: upstream, tts: upstream, chat: upstream },
    log: openLog('warn'),
  })
  console.log(gateway.url)
  process.on('SIGTERM', () => void gateway.stop().then(() => process.exit(0)))
  const tellMemory = (): Memory => {
    Bun.gc(true)
    return { rss: process.memoryUsage.rss(), heap: heapStats().heapSize }
  }
  const tellLinks = (): SignInLinks => ({
    portal: `${gateway.url}/portal#link=${links?.portal.token}`,
    console: `${gateway.consoleUrl}/console#link=${links?.console.token}`,
  })
  process.on('message', (question) => {
    process.send?.(question === 'links' ? tellLinks() : tellMemory())
  })
}
