/** What the management routes are given. */
import type { Sql } from '../../ledger/connect.ts'
import type { Actor } from '../../management/execute.ts'
import type { Management } from '../../management/management.ts'
import type { Principal } from '../auth/auth.ts'
import type { authPlugin } from '../auth/auth-plugin.ts'

export interface RouteDeps {
  readonly management: Management
  /** For reports. */
  readonly sql: Sql
  /** One for all routes of an app: what it learns of a request stays with it. */
  readonly signIn: ReturnType<typeof authPlugin>
  /** Permissions that the configuration knows. */
  readonly permissions: readonly string[]
}

/** Who does it, as events name them: an owner on the owners' routes, an operator on theirs. */
export function ownerActor({ subject }: Principal): Actor {
  return { id: `user:${subject}` }
}

export function operatorActor({ subject }: Principal, reason?: string): Actor {
  return { id: `admin:${subject}`, reason }
}
