/** What the management routes are given, and the answers they share. */
import type { InvalidPart } from '../gate/refusal.ts'
import type { Sql } from '../ledger/connect.ts'
import type { Refused } from '../management/decision.ts'
import type { Management } from '../management/management.ts'
import { problem, problemOf } from '../problem.ts'
import type { Principal } from './auth.ts'
import type { authPlugin } from './auth-plugin.ts'
import { invalidRequest } from './failures.ts'
import { refusalOf } from './refused.ts'

export interface RouteDeps {
  readonly management: Management
  /** For reports. */
  readonly sql: Sql
  /** One for all routes of an app: what it learns of a request stays with it. */
  readonly signIn: ReturnType<typeof authPlugin>
  readonly requestIdOf: (request: Request) => string
  /** Permissions that the configuration knows. */
  readonly permissions: readonly string[]
}

/** Refusals, as this app answers them. */
export function refusalsOf({ requestIdOf }: Pick<RouteDeps, 'requestIdOf'>) {
  return {
    refuse: (request: Request, refused: Refused, pointers?: Readonly<Record<string, string>>) =>
      problemOf(refusalOf(refused, pointers), requestIdOf(request)),
    invalid: (request: Request, errors: readonly InvalidPart[]) =>
      problemOf(invalidRequest(errors), requestIdOf(request)),
    notFound: (request: Request, detail: string) =>
      problem('not_found', { requestId: requestIdOf(request), detail }),
  }
}

/** Who does it, as events name them. */
export function actorOf({ subject }: Principal, as: 'user' | 'admin'): string {
  return `${as}:${subject}`
}
