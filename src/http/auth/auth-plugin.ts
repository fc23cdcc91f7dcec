// The Elysia plugin that guards routes: a route with `{ signedIn: 'owner' }` admits only clients that are
// signed in, and its handler gets their `principal`.
//
// The check runs as a transform, before the body is validated, so that nobody learns what a valid request looks
// like who may not send one. Elysia sends the response that a transform returns, but its types do not know it;
// hence the cast. A transform also gives handlers no typed property; hence the `resolve` after it.

import { Elysia, status } from 'elysia'
import { problem } from '../../problems/problem-document.ts'
import type { Auth, Principal } from './auth.ts'

/** Whom a route admits: `owner` anyone who is signed in (auditors only to read), `reader` auditors and admins, `admin` admins. */
type SignedIn = 'owner' | 'reader' | 'admin'

const allowedRoles: Readonly<Record<SignedIn, readonly Principal['role'][]>> = {
  owner: ['owner', 'auditor', 'admin'],
  reader: ['auditor', 'admin'],
  admin: ['admin'],
}

/** Auditors change nothing, not even keys of their own: whoever checks the ledger does not write to it. */
function isForbiddenChange({ role }: Principal, { method }: Request): boolean {
  return role === 'auditor' && method !== 'GET'
}

/** @param requestIdOf the id of the request in refusals, the same as in the rest of the app */
export function authPlugin(auth: Auth, requestIdOf: (request: Request) => string) {
  const principals = new WeakMap<Request, Principal>()

  async function admit(request: Request, level: SignedIn): Promise<Response | undefined> {
    const requestId = requestIdOf(request)
    const principal = await auth.authenticate(request.headers.get('authorization'))
    if (principal === undefined) {
      return problem('unauthorized', { requestId, detail: 'A valid bearer token is required.' })
    }
    if (!allowedRoles[level].includes(principal.role) || isForbiddenChange(principal, request)) {
      return problem('forbidden', { requestId, detail: 'Your role does not allow this.' })
    }
    principals.set(request, principal)
    return undefined
  }

  return new Elysia({ name: 'auth' }).macro({
    signedIn: (level: SignedIn) => ({
      transform: (async ({ request }: { request: Request }) => {
        const refused = await admit(request, level)
        return refused && status(refused.status, refused)
      }) as unknown as () => Promise<void>,
      resolve: ({ request }) => ({ principal: principals.get(request) as Principal }),
    }),
  })
}
