// The Elysia plugin that guards routes: a route with `{ signedIn: 'owner' }` admits only clients that are
// signed in, and its handler gets their `principal`.
//
// A request is admitted by its head, before its body is read: who has no token can cause no more work than a head
// does, who asks too often neither, and nobody learns what a valid request looks like who may not send one. So the guard is also what reads the
// body. Elysia parses only the bodies of some routes, and transforms the requests of all; hence the two hooks. They
// give handlers no typed property; hence the `resolve` after them.

import { Elysia } from 'elysia'
import type { Refusal } from '../../problems/refusal.ts'
import { RequestRefused } from '../errors/request-refused.ts'
import { type Auth, bearerToken, type Principal, principalKey } from './auth.ts'
import type { BrowserSessions } from './browser-sessions.ts'
import { SigningKeysUnavailable } from './jwks.ts'
import type { ManagementRateLimit } from './management-rate-limit.ts'
import { looksLikeOperatorKey, type OperatorKeyLookup } from './operator-keys.ts'
import type { AwaitRefusal } from './refusal-pace.ts'

/**
 * Whom a route admits: `owner` anyone who is signed in (some only to read), `operator` all operators, `support` those who may change
 * something (what support may not, its handler refuses), `admin` admins, `adminInPerson` admins but no operator key.
 */
type SignedIn = 'owner' | 'operator' | 'support' | 'admin' | 'adminInPerson'

const allowedRoles: Readonly<Record<SignedIn, readonly Principal['role'][]>> = {
  owner: ['owner', 'reader', 'support', 'auditor', 'admin'],
  operator: ['auditor', 'support', 'admin'],
  support: ['support', 'admin'],
  admin: ['admin'],
  adminInPerson: ['admin'],
}

/** An operator key owns nothing, and makes, changes and revokes no operator keys: whoever stole one would keep what it had made. */
const notForOperatorKeys: readonly SignedIn[] = ['owner', 'adminInPerson']

/**
 * Auditors change nothing, not even keys of their own: whoever checks the ledger does not write to it. Nor do readers, and who is an
 * operator besides changes as one alone.
 */
function isForbiddenChange(level: SignedIn, principal: Principal, { method }: Request): boolean {
  const { role, onlyReadsOwn } = principal
  if (method === 'GET') return false
  return role === 'auditor' || role === 'reader' || (level === 'owner' && onlyReadsOwn === true)
}

interface Guard {
  readonly auth: Auth
  readonly operatorKeys: OperatorKeyLookup
  /** Whom a request without a token can be of. */
  readonly sessions: Pick<BrowserSessions, 'authenticate'>
  readonly rateLimit: ManagementRateLimit
  /** The address of a request's client. */
  readonly ipOf: (request: Request) => string
  readonly awaitRefusal: AwaitRefusal
  /** Reads and parses the body of a request that was admitted. */
  readonly readBody: (request: Request) => Promise<unknown>
}

/** What Elysia gives to hooks, as far as it matters here. */
interface HookContext {
  readonly request: Request
  readonly set: { headers: Record<string, string | number> }
}

export function authPlugin(guard: Guard) {
  const { auth, operatorKeys, sessions, rateLimit, ipOf, awaitRefusal, readBody } = guard
  const principals = new WeakMap<Request, Principal>()

  /** @throws RequestRefused */
  async function authenticate(request: Request): Promise<Principal> {
    const authorization = request.headers.get('authorization')
    try {
      const principal = await (authorization === null
        ? sessions.authenticate(request)
        : ofAuthorization(authorization, request))
      if (principal) return principal
    } catch (error) {
      if (error instanceof SigningKeysUnavailable) throw new RequestRefused(cannotTell)
      throw error
    }
    throw new RequestRefused(notSignedIn)
  }

  function ofAuthorization(authorization: string, request: Request) {
    const token = bearerToken(authorization)
    return token !== undefined && looksLikeOperatorKey(token)
      ? operatorKeys.authenticate(token, ipOf(request))
      : auth.authenticate(authorization)
  }

  /** @throws RequestRefused */
  async function admit({ request, set }: HookContext, level: SignedIn): Promise<void> {
    if (principals.has(request)) return
    let client: string | undefined
    try {
      const principal = await authenticate(request)
      client = principalKey(principal)
      const isAllowed =
        allowedRoles[level].includes(principal.role) &&
        !(principal.isOperatorKey && notForOperatorKeys.includes(level))
      if (!isAllowed || isForbiddenChange(level, principal, request)) {
        throw new RequestRefused(notYourRole)
      }
      Object.assign(set.headers, await rateLimit.take(principal, request))
      principals.set(request, principal)
    } catch (error) {
      await awaitRefusal(client ?? ipOf(request))
      throw error
    }
  }

  return new Elysia({ name: 'auth' }).macro({
    signedIn: (level: SignedIn) => ({
      async parse({ request, set }) {
        await admit({ request, set }, level)
        return readBody(request)
      },
      async transform({ request, set }) {
        await admit({ request, set }, level)
      },
      resolve: ({ request }) => ({ principal: principals.get(request) as Principal }),
    }),
  })
}

const notSignedIn: Refusal = {
  code: 'unauthorized',
  detail: 'A valid bearer token is required.',
}
const cannotTell: Refusal = {
  code: 'sign_in_unavailable',
  detail:
    'The identity provider cannot be reached just now, so that nobody can tell whether the token is valid.',
  headers: { 'Retry-After': '5' },
}
const notYourRole: Refusal = { code: 'forbidden', detail: 'Your role does not allow this.' }
