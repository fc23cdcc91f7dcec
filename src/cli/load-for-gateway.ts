/** What a gateway is started with, from the file and the environment. */
import type { Config } from '../config/config.ts'
import { ConfigError } from '../config/config-error.ts'
import { type Environment, readEnvironment } from '../config/environment.ts'
import { type Env, loadConfig } from '../config/load-config.ts'
import { UsageError } from './usage-error.ts'

/**
 * Reads both, and, where it sells, whether the upstreams' credentials are there.
 *
 * @throws ConfigError or UsageError that says everything that is wrong with either
 */
export function loadForGateway(
  file: string | undefined,
  env: Env,
  { sells }: { readonly sells: boolean },
): { readonly config: Config; readonly environment: Environment } {
  const errors: ConfigError[] = []
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      errors.push(error)
      return undefined
    }
  }
  const config = attempt(() => loadConfig({ file, env, withCredentials: sells }))
  const environment = attempt(() => readEnvironment(env))
  if (config && environment) return { config, environment }
  throw new UsageError(errors.map(({ message }) => message).join('\n'))
}
