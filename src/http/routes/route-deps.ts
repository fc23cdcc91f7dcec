/** What the routes of owners and operators need of what stands behind them. */
import type { SupportBounds } from '../../config/config.ts'
import type { Seller } from '../../config/file/seller.ts'
import type { Sql } from '../../ledger/connect.ts'
import type { SessionRows } from '../../ledger/sessions/session-rows.ts'
import type { Actor } from '../../management/actor.ts'
import type { Management, OwnersManagement } from '../../management/management.ts'
import type { Principal } from '../auth/auth.ts'
import type { authPlugin } from '../auth/auth-plugin.ts'
import type { ReportQueue } from '../report-queue.ts'
import type { Simulations } from '../simulations.ts'
import type { RouteAddress } from './customer/prices.ts'
import { type Asked, onceOf } from './once.ts'

export interface RouteDeps {
  readonly management: Management
  /** Connects as the role of management. What takes long is computed by `reports`. */
  readonly sql: Sql
  readonly reports: ReportQueue
  readonly support: SupportBounds
  /** Who sells; undefined: the configuration does not say. */
  readonly seller: Seller | undefined
  readonly simulations: Simulations
  /** Of browsers. */
  readonly sessions: Pick<SessionRows, 'closeAll'>
  /** Where the routes are that prices are of, by their ids. */
  readonly routes: Readonly<Record<string, RouteAddress>>
  /** One plugin for all routes of an app: it keeps the principal of each request. */
  readonly signIn: ReturnType<typeof authPlugin>
  /** The permissions of the configuration. */
  readonly permissions: readonly string[]
}

/** The same for the routes of owners, whose role at the ledger is the portal's. */
export interface OwnersRouteDeps extends Omit<RouteDeps, 'management' | 'sessions'> {
  readonly management: OwnersManagement
}

/** The actor of events that an owner causes. */
export function ownerActor(principal: Principal, asked: Asked): Actor {
  return { id: `user:${principal.subject}`, once: onceOf(principal, asked) }
}

/** The actor of events that an operator causes. */
export function operatorActor(principal: Principal, reason?: string, asked?: Asked): Actor {
  const { role, subject, isOperatorKey } = principal
  const as = isOperatorKey ? 'operator-key' : role === 'support' ? 'support' : 'admin'
  return {
    id: `${as}:${subject}`,
    ...{ reason, once: asked && onceOf(principal, asked) },
  }
}
