/**
 * `tollbook up`: everything on one machine. It starts PostgreSQL from the npm package unless DATABASE_URL names one, a
 * demo for every upstream without an address, and a gateway, and prints a key to try it with. Rate limits are in the
 * process unless REDIS_URL is set. All that it creates lies in one folder, and the next start finds it there.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pc from 'picocolors'
import type { Config } from '../../config/config.ts'
import type { Env } from '../../config/load-config.ts'
import { upstreamAddresses } from '../../config/upstream-addresses.ts'
import { secretsOf } from '../../config/upstream-credentials.ts'
import { newSignInLink } from '../../http/auth/sign-in-link.ts'
import { signToken } from '../../http/auth/sign-token.ts'
import { startEmbeddedPostgres } from '../../postgres/embedded.ts'
import { lockFolder } from '../../postgres/folder-lock.ts'
import { migrateWithRebuild } from '../../projector/rebuild/migrate-with-rebuild.ts'
import { startGateway } from '../../server/gateway.ts'
import { command } from '../command.ts'
import { noteConfigFile } from '../config-of.ts'
import { databaseUrlFile, defaultDataFolder, noteLogin } from '../database.ts'
import { loadForGateway } from '../load-for-gateway.ts'
import { openLog } from '../log.ts'
import { say } from '../output.ts'
import { shutdownSignal } from '../shutdown-signal.ts'
import { demoOwner, loadOrCreateKey } from '../up/load-or-create-key.ts'
import { loadOrCreateSecret } from '../up/load-or-create-secret.ts'
import { startDemoUpstreams } from '../up/start-demo-upstreams.ts'
import { type Ready, welcomeText } from '../up/welcome-text.ts'
import { UsageError } from '../usage-error.ts'

const args = {
  port: {
    type: 'string',
    description: 'Port to listen on; 0 takes a free one (default: PORT, or 3030)',
  },
  host: { type: 'string', description: 'Address to listen on', default: '127.0.0.1' },
  data: {
    type: 'string',
    valueHint: 'FOLDER',
    description: 'Folder for the data',
    default: defaultDataFolder,
  },
  config: {
    type: 'string',
    valueHint: 'FILE',
    description: 'Configuration file (default: tollbook.yaml)',
  },
  json: { type: 'boolean', description: 'Print one JSON line when ready, and nothing else' },
} as const

export default command(
  {
    description:
      'Run everything on this machine: PostgreSQL, demo upstreams, a gateway and a key. Ctrl-C stops it, and the data stays.',
    examples: ['up', 'up --data .tollbook-2 --port 0'],
  },
  args,
  async (args) => {
    await runUntilStopped(args)
    process.exit(0)
  },
)

/** The operator of the demo. */
const demoAdmin = 'demo-admin'

/** What was started last is stopped first, whether a signal or an error ends it. */
async function runUntilStopped(options: {
  readonly port: string | undefined
  readonly host: string
  readonly data: string
  readonly config: string | undefined
  readonly json: boolean | undefined
}): Promise<void> {
  const data = resolve(options.data)
  const named = options.data === defaultDataFolder ? undefined : options.data
  const env: Env = { ...process.env, ...(options.port ? { PORT: options.port } : {}) }
  const { config, environment: given } = loadForGateway(options.config, env, { sells: true })
  const variable = (name: string) => env[name]
  const report = (line: string) => options.json || console.error(pc.dim(line))

  await using started = new AsyncDisposableStack()
  const demos = startDemoUpstreams(config)
  for (const demo of demos) started.defer(demo.stop)
  const demoUrls = Object.fromEntries(demos.map(({ name, url }) => [name, url]))
  // What the gateway would refuse to start with is said before anything is created.
  upstreamAddresses(config, demoUrls, variable)
  mkdirSync(data, { recursive: true, mode: 0o755 })
  started.defer(lockOrRefuse(data))
  const jwtSecret = given.jwtSecret ?? loadOrCreateSecret(join(data, 'jwt-secret'))
  const environment = { ...given, jwtSecret }
  let { databaseUrl } = environment
  if (!databaseUrl) {
    const postgres = await startEmbeddedPostgres({ dataDir: join(data, 'postgres'), log: report })
    started.defer(postgres.stop)
    databaseUrl = postgres.url
  }
  noteLogin(databaseUrl)
  writeFileSync(databaseUrlFile(data), `${databaseUrl}\n`, { mode: 0o600 })
  noteConfigFile(data, config, options.config)

  const stopSignal = shutdownSignal()
  report('Setting up the ledger…')
  await migrateWithRebuild({ url: databaseUrl })
  const keyFile = join(data, 'demo-key')
  const { key, tariff } = await loadOrCreateKey(config, environment, databaseUrl, keyFile)
  const signInLink = newSignInLink({ role: 'owner', subject: demoOwner })
  const consoleLink = newSignInLink({ role: 'admin', subject: demoAdmin })
  const gateway = await startGateway({
    config,
    environment,
    variable,
    databaseUrl,
    portalDatabaseUrl: databaseUrl,
    hostname: options.host,
    demoUrls,
    highWaterMarkFile: join(data, 'seen.json'),
    // A second `up` on this machine finds the usual port taken by the first.
    metricsEndpoint: environment.metrics && {
      ...environment.metrics,
      orFreePort: !process.env.METRICS_PORT,
    },
    signInLink,
    consoleEndpoint: environment.console && {
      ...environment.console,
      orFreePort: !process.env.CONSOLE_PORT,
    },
    consoleLink,
    log: openLog('warn', secretsOf(config, variable)),
  })
  started.defer(() => gateway.stop())
  const tokens = await signTokens(config, jwtSecret)
  const portalUrl = `${gateway.url}/portal#link=${signInLink.token}`
  const consoleUrl = gateway.consoleUrl && `${gateway.consoleUrl}/console#link=${consoleLink.token}`
  const urls = { url: gateway.url, portalUrl, ...(consoleUrl !== undefined && { consoleUrl }) }
  const ready: Ready = { ...urls, ...tokens, ...key, databaseUrl }
  say(
    options.json
      ? JSON.stringify(ready)
      : welcomeText({ ready, config, demos, metricsUrl: gateway.metricsUrl, data: named, tariff }),
  )
  await stopSignal
  report('Stopping: calls in flight finish first…')
}

/** Two in one folder would share a PostgreSQL, and the first to end would end it for both. */
function lockOrRefuse(data: string): () => void {
  const releaseLock = lockFolder(data)
  if (releaseLock) return releaseLock
  throw new UsageError(
    `another "tollbook up" runs in ${data}: end it first, or choose another folder with --data.`,
  )
}

async function signTokens(config: Config, secret: string) {
  const expiresInSeconds = 30 * 86_400
  const issuer = process.env.JWT_ISSUER
  const audience = process.env.JWT_AUDIENCE
  const common = { secret, expiresInSeconds, issuer, audience }
  return {
    adminToken: await signToken({
      ...{ ...common, subject: demoAdmin },
      ...{ role: config.adminRole, roleClaim: config.roleClaim },
    }),
    ownerToken: await signToken({ ...common, subject: demoOwner }),
  }
}
