// The Elysia plugin that guards routes: `{ signedIn: 'owner' }` on a route lets only signed-in clients
// in and gives its handler the `principal`.
//
// The check runs as a transform, before the body is validated: who may not ask is not told what a valid
// question looks like. Elysia's types know no answer from a transform, though its code sends one, and a
// transform gives handlers no typed property; hence the cast, and the second step that only hands over.

import { Elysia, status } from 'elysia'
import { problem } from '../../problems/problem-document.ts'
import type { Auth, Principal } from './auth.ts'

/** Whom a route lets in: anyone signed in (auditors only to read); auditors and admins; admins. */
export type SignedIn = 'owner' | 'reader' | 'admin'

const allowedRoles: Readonly<Record<SignedIn, readonly Principal['role'][]>> = {
  owner: ['owner', 'auditor', 'admin'],
  reader: ['auditor', 'admin'],
  admin: ['admin'],
}

/** Auditors change nothing, not even keys of their own: whoever checks the ledger does not write in it. */
function wouldChange({ role }: Principal, { method }: Request): boolean {
  return role === 'auditor' && method !== 'GET'
}

/** `requestIdOf` names the request in refusals, as the rest of the app does. */
export function authPlugin(auth: Auth, requestIdOf: (request: Request) => string) {
  const principals = new WeakMap<Request, Principal>()

  async function admit(request: Request, level: SignedIn): Promise<Response | undefined> {
    const requestId = requestIdOf(request)
    const principal = await auth.authenticate(request.headers.get('authorization'))
    if (principal === undefined) {
      return problem('unauthorized', { requestId, detail: 'A valid bearer token is required.' })
    }
    if (!allowedRoles[level].includes(principal.role) || wouldChange(principal, request)) {
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
