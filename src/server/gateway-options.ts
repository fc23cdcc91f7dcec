/** What a gateway is started with. */
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import type { Variable } from '../config/upstream-credentials.ts'
import type { RateLimiterLog } from '../gate/rate-limit/redis-nodes.ts'
import type { SignInLink } from '../http/auth/sign-in-link.ts'
import type { Endpoint } from './own-port.ts'
import type { Plane } from './plane.ts'

export interface GatewayOptions {
  readonly config: Config
  readonly environment: Environment
  /** The environment's variables, for the credentials of upstreams, which the configuration names. */
  readonly variable: Variable
  /** Of the login for calls. */
  readonly databaseUrl: string
  /** Of the login for management; absent: it is the same. */
  readonly managementDatabaseUrl?: string | undefined
  /** Of the login for owners' routes, which take the portal's role; absent: they use what management uses, with its role. */
  readonly portalDatabaseUrl?: string | undefined
  /** Of a standby that reports read; absent: they read the primary. */
  readonly reportsDatabaseUrl?: string | undefined
  /** Absent: both. */
  readonly plane?: Plane
  readonly hostname: string
  /** The addresses of the demo services that run, by name. */
  readonly demoUrls: Readonly<Record<string, string>>
  /** Where metrics are served; absent: nowhere. */
  readonly metricsEndpoint?: Endpoint | undefined
  /** Keeps the log's high-water mark, so that the gateway never serves a log that ends before it; absent: nothing does. */
  readonly highWaterMarkFile?: string | undefined
  /** Signs in to the portal once; absent: no link does. */
  readonly signInLink?: SignInLink | undefined
  /** Where the operators' console is served; absent: nowhere. */
  readonly consoleEndpoint?: Endpoint | undefined
  /** Signs in to the console once; absent: no link does. */
  readonly consoleLink?: SignInLink | undefined
  /** Its number among the workers that share its port; absent: the port is its own. */
  readonly worker?: number | undefined
  readonly log: GatewayLog
}

export type GatewayLog = RateLimiterLog & {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}
