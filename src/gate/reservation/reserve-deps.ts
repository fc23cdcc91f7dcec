/** What reservations need. */
import type { Config } from '../../config/config.ts'
import type { Appender } from '../../ledger/append/appender.ts'
import type { AuthorizeDeps } from '../authorize/authorize.ts'
import type { LeaseManager } from './lease-manager.ts'

export interface ReserveDeps extends AuthorizeDeps {
  readonly config: Config
  readonly leases: LeaseManager
  readonly appenderOf: (shard: number) => Appender
  readonly log: (message: string, error?: unknown) => void
}
