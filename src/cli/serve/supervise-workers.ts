import type { Environment } from '../../config/environment.ts'
import type { Env } from '../../config/load-config.ts'
import { startWorkers, type WorkersOptions } from './workers.ts'

interface Supervised {
  readonly count: number
  readonly host: string
  /** As given on the command line; absent: each worker looks for it where a single gateway would. */
  readonly configFile: string | undefined
  /** Each worker keeps one of its own beside it, with its number at the end. */
  readonly stateFile: string | undefined
  /** How many share the rate limits while Redis is away, if each had one worker. */
  readonly gateways: number
  readonly environment: Environment
  readonly env: Env
  readonly log: WorkersOptions['log']
}

/**
 * Runs `serve --workers` from the start of the workers to their end.
 *
 * @returns the status with which this process ends
 */
export async function superviseWorkers(
  { count, host, configFile, stateFile, gateways, environment, env, log }: Supervised,
  stopSignal: Promise<NodeJS.Signals>,
): Promise<number> {
  const { metrics, port, drainSeconds } = environment
  const workers = startWorkers({
    ...{ count, hostname: host, port, drainSeconds, metricsEndpoint: metrics, log },
    argsOf: (worker, sharedPort) => [
      ...['serve', '--plane', 'calls', '--host', host, '--port', `${sharedPort}`],
      ...(configFile === undefined ? [] : ['--config', configFile]),
      ...(stateFile === undefined ? [] : ['--state', `${stateFile}.${worker}`]),
    ],
    env: {
      ...env,
      GATEWAYS: `${gateways * count}`,
      // Theirs are for the supervisor alone.
      ...{ METRICS_HOST: '127.0.0.1', METRICS_PORT: metrics ? '0' : 'off' },
    },
  })
  const { url, metricsUrl } = workers
  log.info({ url, metricsUrl, workers: count }, 'starting workers')
  const ended = await Promise.race([stopSignal, workers.failed])
  const fields = typeof ended === 'number' ? {} : { signal: ended, drainSeconds }
  log.info(fields, 'stopping all workers: calls in flight finish first')
  await workers.stop()
  log.info({}, 'stopped')
  return typeof ended === 'number' ? ended : 0
}
