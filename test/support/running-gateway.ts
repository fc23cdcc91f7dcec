/** Starts gateways: in this process, or in one of their own where a test needs two of them, or kills one. */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { readEnvironment } from '../../src/config/environment.ts'
import type { SignInLink } from '../../src/http/auth/sign-in-link.ts'
import { startGateway } from '../../src/server/gateway.ts'
import type { GatewayLog } from '../../src/server/gateway-options.ts'
import type { Plane } from '../../src/server/plane.ts'
import { type ConfigChanges, testConfig } from './test-config.ts'

/** Verifies the tokens of owners and operators. */
export const jwtSecret = 'a secret for tests, long enough to be one'

export interface GatewaySettings {
  readonly databaseUrl: string
  readonly managementDatabaseUrl?: string
  /** As `managementDatabaseUrl` for owners' routes; else they have the portal's role where management has no login of its own. */
  readonly portalDatabaseUrl?: string
  /** Of a standby that reports read. */
  readonly reportsDatabaseUrl?: string
  readonly plane?: Plane
  /** Where it listens; else the loopback of IPv4. */
  readonly hostname?: string | undefined
  readonly redisUrl?: string | undefined
  readonly config?: ConfigChanges
  /** The address of all upstreams; else `demoUrls`. */
  readonly upstream?: string
  readonly demoUrls?: Readonly<Record<string, string>>
  /** Where it keeps the high-water mark of the log. */
  readonly highWaterMarkFile?: string
  /** Subjects that are operators whatever their token says. */
  readonly adminUserIds?: readonly string[] | undefined
  /** Variables that the configuration names. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Signs in to the portal, in the process of the test. */
  readonly signInLink?: SignInLink | undefined
  /** The same to the console, which is served where there is one, or where a variable says so. */
  readonly consoleLink?: SignInLink | undefined
}

export interface TestGateway {
  readonly url: string
  readonly metricsUrl: string
  readonly consoleUrl: string
  /** Its warnings, if it runs in the process of the test. */
  readonly warnings: readonly string[]
  /** The same of what it notes at level info, with the fields as JSON. */
  readonly notes: readonly string[]
  stop(graceMs?: number): Promise<void>
}

export async function startTestGateway(settings: GatewaySettings): Promise<TestGateway> {
  const warnings: string[] = []
  const notes: string[] = []
  const log = {
    debug() {},
    info: (fields: object, message: string) =>
      void notes.push(`${message} ${JSON.stringify(fields)}`),
    warn: (fields: object, message: string) => void warnings.push(`${message} ${reasonIn(fields)}`),
    error: (_: object, message: string) => void warnings.push(message),
  } as unknown as GatewayLog
  const hostname = settings.hostname ?? '127.0.0.1'
  const consolePort = Number(settings.env?.CONSOLE_PORT ?? 0)
  const hasConsole = settings.consoleLink || settings.env?.CONSOLE_URL
  const { url, metricsUrl, consoleUrl, stop } = await startGateway({
    config: testConfig(settings.config, settings.upstream),
    environment: readEnvironment({
      PORT: '0',
      JWT_SECRET: jwtSecret,
      REDIS_URL: settings.redisUrl,
      ADMIN_USER_IDS: settings.adminUserIds?.join(','),
      ...settings.env,
    }),
    variable: (name) => settings.env?.[name],
    databaseUrl: settings.databaseUrl,
    managementDatabaseUrl: settings.managementDatabaseUrl,
    portalDatabaseUrl:
      settings.portalDatabaseUrl ??
      (settings.managementDatabaseUrl === undefined ? settings.databaseUrl : undefined),
    reportsDatabaseUrl: settings.reportsDatabaseUrl,
    ...(settings.plane && { plane: settings.plane }),
    hostname,
    demoUrls: settings.demoUrls ?? {},
    metricsEndpoint: { hostname, port: 0 },
    ...(hasConsole && { consoleEndpoint: { hostname, port: consolePort } }),
    consoleLink: settings.consoleLink,
    highWaterMarkFile: settings.highWaterMarkFile,
    signInLink: settings.signInLink,
    log,
  })
  const others = { metricsUrl: metricsUrl ?? '', consoleUrl: consoleUrl ?? '' }
  return { url, ...others, warnings, notes, stop }
}

export interface GatewayProcess
  extends Omit<TestGateway, 'warnings' | 'notes' | 'metricsUrl' | 'consoleUrl'> {
  readonly pid: number
  /** Ends it without a word; resolves when it is gone. */
  kill(): Promise<void>
}

/** The same in a process of its own, which ends by itself when this one does. */
export async function startGatewayProcess(settings: GatewaySettings): Promise<GatewayProcess> {
  const child = Bun.spawn([process.execPath, import.meta.path, JSON.stringify(settings)], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal)
    await child.exited
  }
  return {
    url: await firstLine(child.stdout),
    pid: child.pid,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true })
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  throw new Error('the gateway ended before it served')
}

function reasonIn(fields: object): string {
  return 'err' in fields && fields.err instanceof Error ? fields.err.message : ''
}

async function serveAsProcess(settings: GatewaySettings): Promise<void> {
  const gateway = await startTestGateway(settings)
  console.log(gateway.url)
  const end = () => void gateway.stop().then(() => process.exit(0))
  process.on('SIGTERM', end)
  for await (const _ of Bun.stdin.stream()) {
    // Nothing is sent; only the end counts, which comes when the test's process is gone.
  }
  end()
}

if (import.meta.url === pathToFileURL(join(process.argv[1] ?? '')).href) {
  await serveAsProcess(JSON.parse(process.argv[2] ?? '{}'))
}
