/** Signing in to the portal and out of it: its pages ask all else of the routes of owners, by the session's cookie. */
import { Elysia, t } from 'elysia'
import type { SessionOwner } from '../../../ledger/sessions/portal-sessions.ts'
import { accountIdOf } from '../../../lib/ids.ts'
import { ownerOf } from '../../auth/auth.ts'
import { type BrowserSessions, requireSameOrigin } from '../../auth/browser-sessions.ts'
import type { AwaitRefusal } from '../../auth/refusal-pace.ts'
import { isFromThisMachine, type SignInLink } from '../../auth/sign-in-link.ts'
import { RequestRefused } from '../../errors/request-refused.ts'
import { Problem } from '../../openapi/problem-schema.ts'
import { closed } from '../../schemas/fields.ts'

export interface SessionDeps {
  readonly sessions: BrowserSessions
  /** Absent: nobody signs in by a link. */
  readonly signInLink: SignInLink | undefined
  readonly ipOf: (request: Request) => string
  readonly awaitRefusal: AwaitRefusal
  readonly readBody: (request: Request) => Promise<unknown>
}

const Session = t.Object({
  session: t.Object({
    subject: t.String({ description: 'The user who is signed in.' }),
    organisation: t.Optional(t.String({ description: 'The organisation that the user acts for.' })),
    accountId: t.String({ description: 'The account that the pages are about.' }),
    signedInAt: t.String(),
    csrfToken: t.String({
      description: 'To be sent as `X-CSRF-Token` with all that changes something.',
    }),
  }),
})

const problems = { 400: Problem, 401: Problem, 403: Problem, 503: Problem }
const tags = ['Portal']

/** One chain, however long: Elysia infers the types of clients from it. */
export function sessionRoutes({ sessions, signInLink, ipOf, awaitRefusal, readBody }: SessionDeps) {
  const refuse = async (request: Request, detail: string): Promise<never> => {
    await awaitRefusal(ipOf(request))
    throw new RequestRefused({ code: 'unauthorized', detail })
  }
  const notByLink = (request: Request) =>
    refuse(request, 'This link is used, too old, or of another machine.')
  /** Before the body is read: whoever cannot sign in by a link sends none. */
  const admit = (request: Request) => {
    requireSameOrigin(request)
    const mayHaveLink = signInLink && isFromThisMachine(request, ipOf(request))
    return mayHaveLink ? undefined : notByLink(request)
  }
  return new Elysia({ name: 'portal-session', normalize: false })
    .post(
      '/portal/session',
      async ({ body, request, set }) => {
        const owner = signInLink?.take(body.link)
        if (!owner) return notByLink(request)
        const { session, setCookie } = await sessions.open(request, owner)
        set.headers['set-cookie'] = setCookie
        return { session: shown(session) }
      },
      {
        parse: async ({ request }) => {
          await admit(request)
          return readBody(request)
        },
        body: closed({ link: t.String({ minLength: 1, maxLength: 100 }) }),
        response: { 200: Session, ...problems },
        detail: {
          operationId: 'createSession',
          summary: 'Sign a browser in by the link that `tollbook up` prints',
          description:
            'Takes the token of a link, once, within ten minutes, from a browser on the same machine. The session is in a cookie.',
          tags,
        },
      },
    )
    .get(
      '/portal/session',
      async ({ request }) => {
        const session = await sessions.find(request)
        if (!session) return refuse(request, 'Nobody is signed in.')
        return { session: shown(session) }
      },
      {
        response: { 200: Session, ...problems },
        detail: {
          operationId: 'getSession',
          summary: 'Who is signed in with this browser',
          description: 'The session of the cookie, for the pages of the portal.',
          tags,
        },
      },
    )
    .delete(
      '/portal/session',
      async ({ request, set }) => {
        const session = await sessions.find(request)
        if (!session) return refuse(request, 'Nobody is signed in.')
        set.headers['set-cookie'] = await sessions.close(request)
        return { message: 'You are signed out.' }
      },
      {
        response: { 200: t.Object({ message: t.String() }), ...problems },
        detail: {
          operationId: 'revokeSession',
          summary: 'Sign this browser out',
          description: 'Ends the session of the cookie.',
          tags,
        },
      },
    )
}

function shown(session: SessionOwner & { readonly signedInAt: Date; readonly csrfToken: string }) {
  const { subject, organisation, signedInAt, csrfToken } = session
  const accountId = accountIdOf(
    ownerOf({ subject, role: 'owner', ...(organisation !== undefined && { organisation }) }),
  )
  return {
    ...{ subject, ...(organisation !== undefined && { organisation }), accountId, csrfToken },
    signedInAt: signedInAt.toISOString(),
  }
}
