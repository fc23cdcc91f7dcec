/** `tollbook serve`: one gateway, for production: the database and the services are elsewhere. */
import { readEnvironment } from '../../config/environment.ts'
import { loadConfig } from '../../config/load-config.ts'
import { startGateway } from '../../server/gateway.ts'
import { command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { openLog } from '../log.ts'
import { shutdownSignal } from '../shutdown-signal.ts'

export default command(
  { description: 'Run one gateway against DATABASE_URL (and REDIS_URL).' },
  {
    config: {
      type: 'string',
      valueHint: 'FILE',
      description: 'Configuration file (tollbook.yaml)',
    },
    host: { type: 'string', description: 'Address to listen on', default: '0.0.0.0' },
    port: { type: 'string', description: 'Port to listen on; 0 takes a free one (PORT, 3030)' },
    state: {
      type: 'string',
      valueHint: 'FILE',
      description: 'Where to note how far the ledger was seen, to serve none that ends before',
    },
  },
  async (args) => {
    const log = openLog('info')
    const env = { ...process.env, ...(args.port ? { PORT: args.port } : {}) }
    const environment = readEnvironment(env)
    if (!environment.databaseUrl) {
      throw new UsageError('set DATABASE_URL, or use "tollbook up", which brings a PostgreSQL.')
    }
    if (!environment.jwtSecret && !environment.jwksUrl) {
      throw new UsageError('set JWT_SECRET or JWKS_URL, so that owners and operators can sign in.')
    }
    // Listened for before there is anything to stop: as process 1 of a container, a signal that nobody
    // listens for is lost.
    const told = shutdownSignal()
    const gateway = await startGateway({
      config: loadConfig({ file: args.config, env }),
      environment,
      databaseUrl: environment.databaseUrl,
      hostname: args.host,
      demoUrls: {},
      highWaterMarkFile: args.state,
      metricsEndpoint: environment.metrics,
      log,
    })
    log.info({ url: gateway.url, metricsUrl: gateway.metricsUrl }, 'serving')
    const signal = await told
    const { drainSeconds } = environment
    log.info({ signal, drainSeconds }, 'stopping: calls in flight finish first')
    await gateway.stop()
    log.info({}, 'stopped')
    process.exit(0)
  },
)
