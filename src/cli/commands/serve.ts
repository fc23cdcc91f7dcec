/** `tollbook serve` */
import type { ConsoleEnvironment, Environment } from '../../config/environment.ts'
import type { Env } from '../../config/load-config.ts'
import { secretsOf } from '../../config/upstream-credentials.ts'
import { startGateway } from '../../server/gateway.ts'
import { manages, planes, sells } from '../../server/plane.ts'
import { command } from '../command.ts'
import { noteLogin } from '../database.ts'
import { loadForGateway } from '../load-for-gateway.ts'
import { openLog } from '../log.ts'
import { supervisorLeaves, tellSupervisor, workerVariable } from '../serve/as-worker.ts'
import { checkWorkers, parseWorkers } from '../serve/parse-workers.ts'
import { parsePlane, warnOfSharedLogins } from '../serve/planes.ts'
import { refusePooler, refusePoolerOfStandby } from '../serve/refuse-poolers.ts'
import { superviseWorkers } from '../serve/supervise-workers.ts'
import { shutdownSignal } from '../shutdown-signal.ts'
import { UsageError } from '../usage-error.ts'

export default command(
  {
    description:
      'Run one gateway, for production. It needs DATABASE_URL, and REDIS_URL where there are several.',
    examples: [
      'serve --plane calls --state /var/lib/tollbook/seen.json',
      'serve --plane calls --workers auto',
      'serve --plane management --port 8080',
    ],
  },
  {
    config: {
      type: 'string',
      valueHint: 'FILE',
      description: 'Configuration file (default: tollbook.yaml)',
    },
    host: { type: 'string', description: 'Address to listen on', default: '0.0.0.0' },
    port: {
      type: 'string',
      description: 'Port to listen on; 0 takes a free one (default: PORT, or 3030)',
    },
    plane: {
      type: 'string',
      valueHint: planes.join('|'),
      description:
        'What it serves: calls, management (owners and operators), or both. Each with a login of its own (DATABASE_URL, MANAGEMENT_DATABASE_URL, and PORTAL_DATABASE_URL for owners) can do no more than its part',
      default: 'both',
    },
    workers: {
      type: 'string',
      valueHint: 'N|auto',
      description:
        'Gateways that share the port, each a process on a core of its own (auto: one for each core). Only with --plane calls and REDIS_URL',
      default: '1',
    },
    state: {
      type: 'string',
      valueHint: 'FILE',
      description:
        'File that records how far this gateway has seen the log; it serves no log that ends earlier',
    },
  },
  async (args) => {
    const env: Env = { ...process.env, ...(args.port ? { PORT: args.port } : {}) }
    const plane = parsePlane(args.plane)
    const workers = parseWorkers(args.workers)
    const { config, environment } = loadForGateway(args.config, env, { sells: sells(plane) })
    if (workers > 1) checkWorkers(plane, environment)
    const { managementDatabaseUrl } = environment
    const reportsDatabaseUrl = manages(plane) ? environment.reportsDatabaseUrl : undefined
    const portalDatabaseUrl = manages(plane) ? environment.portalDatabaseUrl : undefined
    const databaseUrl =
      environment.databaseUrl ?? (sells(plane) ? undefined : managementDatabaseUrl)
    if (!databaseUrl) {
      throw new UsageError('set DATABASE_URL, or use "tollbook up", which brings a PostgreSQL.')
    }
    noteLogin(sells(plane) ? databaseUrl : (managementDatabaseUrl ?? databaseUrl))
    if (manages(plane) && !environment.jwtSecret && !environment.jwksUrl) {
      throw new UsageError('set JWT_SECRET or JWKS_URL, so that owners and operators can sign in.')
    }
    const variable = (name: string) => env[name]
    const worker = env[workerVariable] ? Number(env[workerVariable]) : undefined
    const log = openLog('info', secretsOf(config, variable), worker ? { worker } : null)
    // Process 1 of a container loses a signal that nothing listens for, so this comes before the gateway starts.
    const stopSignal = shutdownSignal()
    if (workers > 1) {
      const supervised = {
        ...{ count: workers, host: args.host, configFile: args.config, stateFile: args.state },
        ...{ gateways: config.gateways, environment, env, log },
      }
      process.exit(await superviseWorkers(supervised, stopSignal))
    }
    if (sells(plane)) await refusePooler('DATABASE_URL', databaseUrl, 'calls')
    if (manages(plane)) {
      const variable = managementDatabaseUrl ? 'MANAGEMENT_DATABASE_URL' : 'DATABASE_URL'
      await refusePooler(variable, managementDatabaseUrl ?? databaseUrl, 'management')
    }
    if (reportsDatabaseUrl) await refusePoolerOfStandby(reportsDatabaseUrl)
    if (portalDatabaseUrl) await refusePooler('PORTAL_DATABASE_URL', portalDatabaseUrl, 'portal')
    await warnOfSharedLogins(
      plane,
      {
        calls: databaseUrl,
        management: managementDatabaseUrl ?? databaseUrl,
        portal: portalDatabaseUrl,
      },
      log,
    )
    const gateway = await startGateway({
      config,
      environment,
      variable,
      plane,
      databaseUrl,
      managementDatabaseUrl,
      portalDatabaseUrl,
      reportsDatabaseUrl,
      hostname: args.host,
      demoUrls: {},
      highWaterMarkFile: args.state,
      metricsEndpoint: environment.metrics,
      consoleEndpoint: manages(plane) ? consoleWithSignIn(environment) : undefined,
      worker,
      log,
    })
    const { url, metricsUrl, consoleUrl } = gateway
    log.info({ url, metricsUrl, consoleUrl, plane }, 'serving')
    if (worker !== undefined) tellSupervisor({ url, metricsUrl })
    const signal = await Promise.race([
      stopSignal,
      ...(worker === undefined ? [] : [supervisorLeaves()]),
    ])
    const { drainSeconds } = environment
    log.info({ signal, drainSeconds }, 'stopping: calls in flight finish first')
    await gateway.stop()
    log.info({}, 'stopped')
    process.exit(0)
  },
)

/** Nobody could sign in to another one: only `up` prints a link. */
function consoleWithSignIn({ oidc, console }: Environment): ConsoleEnvironment | undefined {
  return oidc && console?.publicUrl !== undefined ? console : undefined
}
