/**
 * `tollbook up`: everything on one machine. PostgreSQL from the npm package (unless DATABASE_URL names
 * one), rate windows in the process (unless REDIS_URL does), demo services where no URL is set, and a key
 * to try it with. What it makes lies in one folder and is there again the next time.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import pc from 'picocolors'
import type { Config } from '../../config/config.ts'
import { type Environment, readEnvironment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import { type DemoServiceName, demoServiceNames, startDemoService } from '../../demo/index.ts'
import { hashKey } from '../../gate/authenticate/key-format.ts'
import { signToken } from '../../http/auth/sign-token.ts'
import { openCommands } from '../../ledger/commands/management-commands.ts'
import { connect } from '../../ledger/connect.ts'
import { readKeyByHash } from '../../ledger/read/read-for-calls.ts'
import { secureRandom } from '../../lib/base62.ts'
import { isRefused } from '../../management/decision.ts'
import { openManagement } from '../../management/management.ts'
import { startEmbeddedPostgres } from '../../postgres/embedded.ts'
import { lockFolder } from '../../postgres/folder-lock.ts'
import { deploy } from '../../projector/rebuild/deploy.ts'
import { type Gateway, startGateway } from '../../server/gateway.ts'
import { command } from '../command.ts'
import { databaseUrlFile } from '../database.ts'
import { UsageError } from '../errors.ts'
import { openLog } from '../log.ts'
import { shutdownSignal } from '../shutdown-signal.ts'

export default command(
  {
    description: 'Run everything on this machine: PostgreSQL, demo services, a gateway and a key.',
  },
  {
    port: { type: 'string', description: 'Port to listen on; 0 takes a free one (PORT, 3030)' },
    host: { type: 'string', description: 'Address to listen on', default: '127.0.0.1' },
    data: {
      type: 'string',
      valueHint: 'FOLDER',
      description: 'Folder for the data',
      default: '.tollbook',
    },
    config: {
      type: 'string',
      valueHint: 'FILE',
      description: 'Configuration file (tollbook.yaml)',
    },
    json: { type: 'boolean', description: 'Print one JSON line when ready, and nothing else' },
  },
  async (args) => {
    const data = resolve(args.data)
    mkdirSync(data, { recursive: true, mode: 0o755 })
    const env = {
      ...process.env,
      ...(args.port ? { PORT: args.port } : {}),
      JWT_SECRET: process.env.JWT_SECRET ?? loadOrCreateSecret(join(data, 'jwt-secret')),
    }
    const config = loadConfig({ file: args.config, env })
    const environment = readEnvironment(env)
    const say = (line: string) => args.json || console.error(pc.dim(line))

    // Each would end the other's PostgreSQL when it ends.
    const releaseLock = lockFolder(data)
    if (!releaseLock) {
      throw new UsageError(
        `another "tollbook up" runs in ${data}: end it first, or choose another folder with --data.`,
      )
    }
    const postgres = environment.databaseUrl
      ? undefined
      : await startEmbeddedPostgres({ dataDir: join(data, 'postgres'), log: say })
    const databaseUrl = environment.databaseUrl ?? (postgres?.url as string)
    writeFileSync(databaseUrlFile(data), `${databaseUrl}\n`, { mode: 0o600 })

    const told = shutdownSignal()
    let gateway: Gateway | undefined
    const demos = startDemos(config)
    const stop = async () => {
      await gateway?.stop()
      await Promise.all(demos.map((demo) => demo.stop()))
      await postgres?.stop()
      releaseLock()
    }
    try {
      say('Setting up the ledger…')
      await deploy({ url: databaseUrl })
      const account = await readyMadeKey(config, environment, databaseUrl, join(data, 'demo-key'))
      gateway = await startGateway({
        config,
        environment,
        databaseUrl,
        hostname: args.host,
        demoUrls: Object.fromEntries(demos.map(({ name, url }) => [name, url])),
        highWaterMarkFile: join(data, 'seen.json'),
        // Whoever tries it out may have another one running, which has the usual port.
        metricsEndpoint: environment.metrics && {
          ...environment.metrics,
          orFreePort: !process.env.METRICS_PORT,
        },
        log: openLog('warn'),
      })
      const ready: Ready = {
        url: gateway.url,
        ...(await tokens(config, env.JWT_SECRET)),
        ...account,
        databaseUrl,
      }
      if (args.json) console.log(JSON.stringify(ready))
      else console.log(welcome(ready, demos, gateway.metricsUrl))
      await told
      say('Stopping: calls in flight finish first…')
    } catch (error) {
      await stop()
      throw error
    }
    await stop()
    process.exit(0)
  },
)

interface Ready {
  readonly url: string
  readonly adminToken: string
  readonly ownerToken: string
  readonly apiKey: string
  readonly keyId: string
  readonly accountId: string
  readonly databaseUrl: string
}

const demoOwner = 'demo-owner'

/** A demo service for every service without an address, and for the test keys of the others. */
function startDemos(config: Config) {
  const names = new Set<DemoServiceName>()
  for (const { url, testUrl, demo } of Object.values(config.services)) {
    if (demo && isDemo(demo) && !(url && testUrl)) names.add(demo)
  }
  return [...names].map((name) => ({ name, ...startDemoService(name) }))
}

function isDemo(name: string): name is DemoServiceName {
  return (demoServiceNames as readonly string[]).includes(name)
}

/** The key of the last run while it is good, else a new one, on a plan that may call everything. */
async function readyMadeKey(
  config: Config,
  environment: Environment,
  databaseUrl: string,
  file: string,
) {
  const sql = connect({ url: databaseUrl, as: 'serving', max: 2 })
  try {
    const management = openManagement({
      sql,
      commands: openCommands(sql, 'up'),
      config,
      prefixes: environment.keyPrefixes,
      random: secureRandom,
    })
    await management.ensureTariff()
    const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
    const record = kept ? await readKeyByHash(sql, hashKey(kept)) : undefined
    if (kept && record && !record.revokedAt && record.enabled) {
      return { apiKey: kept, keyId: record.keyId, accountId: record.accountId }
    }
    const actor = { id: 'cli' }
    const request = { name: 'Ready-made key', mode: 'live' as const }
    const issued = await management.issueKey({ kind: 'user', id: demoOwner }, request, actor)
    if (isRefused(issued)) throw new Error(`no key could be issued: ${issued.refused}`)
    const { key: apiKey, view } = issued
    const best = Object.entries(config.plans).find(([, plan]) => plan.endpoints === 'all')?.[0]
    if (best) await management.changeAccount(view.accountId, { plan: best }, actor)
    writeFileSync(file, `${apiKey}\n`, { mode: 0o600 })
    return { apiKey, keyId: view.keyId, accountId: view.accountId }
  } finally {
    await sql.end()
  }
}

async function tokens(config: Config, secret: string) {
  const expiresInSeconds = 30 * 86_400
  const issuer = process.env.JWT_ISSUER
  const audience = process.env.JWT_AUDIENCE
  const common = { secret, expiresInSeconds, issuer, audience }
  return {
    adminToken: await signToken({ ...common, subject: 'demo-admin', role: config.adminRole }),
    ownerToken: await signToken({ ...common, subject: demoOwner }),
  }
}

/** A secret that is made once and kept beside the data. */
function loadOrCreateSecret(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString('base64url')
  writeFileSync(file, `${secret}\n`, { mode: 0o600 })
  return secret
}

function welcome(
  ready: Ready,
  demos: readonly { name: string; url: string }[],
  metricsUrl: string | undefined,
): string {
  const { url, apiKey, accountId, ownerToken, adminToken } = ready
  const month = new Date().toISOString().slice(0, 7)
  const command = (text: string) => `  ${pc.cyan(text)}`
  return [
    '',
    `${pc.bold('Tollbook is ready')} at ${pc.bold(url)}   (API documentation: ${url}/docs)`,
    ...demos.map(({ name, url: at }) => pc.dim(`  demo service "${name}" at ${at}`)),
    ...(metricsUrl ? [pc.dim(`  metrics for Prometheus at ${metricsUrl}`)] : []),
    '',
    'A call, charged:',
    command(
      `curl -si ${url}/v1/search -H 'X-API-Key: ${apiKey}' -H 'Content-Type: application/json' -d '{"query":"honey"}'`,
    ),
    'What the key has left:',
    command(`curl -s ${url}/v1/key -H 'X-API-Key: ${apiKey}'`),
    'The bill, computed from the log:',
    command(`./tollbook report statement --account ${accountId} --month ${month}`),
    'Keys of the owner, and of everyone:',
    command(`curl -s ${url}/api-keys -H 'Authorization: Bearer ${ownerToken}'`),
    command(`curl -s ${url}/admin/api-keys -H 'Authorization: Bearer ${adminToken}'`),
    '',
    pc.dim('Ctrl-C ends everything; the data stays.'),
  ].join('\n')
}
