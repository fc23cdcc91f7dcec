/** Signing in to a site and out of it: its pages ask all else of the routes of owners or operators, by the session's cookie. */
import { Elysia, t } from 'elysia'
import type { SupportBounds } from '../../../config/config.ts'
import { accountIdOf } from '../../../lib/ids.ts'
import { isOfOwner, ownerOf } from '../../auth/auth.ts'
import {
  type BrowserSession,
  type BrowserSessions,
  principalOfSession,
  requireSameOrigin,
} from '../../auth/browser-sessions.ts'
import type { ManagementRateLimit } from '../../auth/management-rate-limit.ts'
import type { AwaitRefusal } from '../../auth/refusal-pace.ts'
import { isFromThisMachine, type SignInLink } from '../../auth/sign-in-link.ts'
import type { Site } from '../../auth/sites.ts'
import { RequestRefused } from '../../errors/request-refused.ts'
import { Problem } from '../../openapi/problem-schema.ts'
import { closed, integer } from '../../schemas/fields.ts'

export interface SessionDeps {
  readonly site: Site
  readonly sessions: BrowserSessions
  readonly support: SupportBounds
  /** Absent: nobody signs in by a link. */
  readonly signInLink: SignInLink | undefined
  readonly rateLimit: ManagementRateLimit
  readonly ipOf: (request: Request) => string
  readonly awaitRefusal: AwaitRefusal
  readonly readBody: (request: Request) => Promise<unknown>
}

const Session = t.Object({
  session: t.Object({
    subject: t.String({ description: 'The user who is signed in.' }),
    organisation: t.Optional(t.String({ description: 'The organisation that the user acts for.' })),
    accountId: t.Optional(
      t.String({ description: 'In the portal: the account that the pages are about.' }),
    ),
    role: t.Optional(
      t.String({
        description: 'In the console: admin, support or auditor. In the portal: reader.',
      }),
    ),
    bounds: t.Optional(
      t.Object(
        { maxGrant: integer(), maxRefund: integer() },
        { description: 'Of support: the most credits that it grants and refunds at once.' },
      ),
    ),
    signedInAt: t.String(),
    csrfToken: t.String({
      description: 'To be sent as `X-CSRF-Token` with all that changes something.',
    }),
  }),
})

const problems = { 400: Problem, 401: Problem, 403: Problem, 429: Problem, 503: Problem }
const tags = ['Portal']

/** One chain, however long: Elysia infers the types of clients from it. */
export function sessionRoutes(deps: SessionDeps) {
  const { site, sessions, support, signInLink, rateLimit, ipOf, awaitRefusal, readBody } = deps
  // The type is that of the portal, whose routes clients are made for.
  const path = `${site.root}/session` as '/portal/session'
  const refuse = async (request: Request, detail: string): Promise<never> => {
    await awaitRefusal(ipOf(request))
    throw new RequestRefused({ code: 'unauthorized', detail })
  }
  const notByLink = (request: Request) =>
    refuse(request, 'This link is used, too old, or of another machine.')
  const found = async (request: Request): Promise<BrowserSession> =>
    (await sessions.find(request)) ?? refuse(request, 'Nobody is signed in.')
  /** The session, which takes a permit of its user. */
  const admitted = async (request: Request, set: { headers: object }): Promise<BrowserSession> => {
    const session = await found(request)
    Object.assign(set.headers, await rateLimit.take(principalOfSession(session), request))
    return session
  }
  /** Before the body is read: whoever cannot sign in by a link sends none. */
  const admit = (request: Request) => {
    requireSameOrigin(request)
    const mayHaveLink = signInLink && isFromThisMachine(request, ipOf(request))
    return mayHaveLink ? undefined : notByLink(request)
  }
  return new Elysia({ name: `${site.name}-session`, normalize: false })
    .post(
      path,
      async ({ body, request, set }) => {
        const opened = await signInLink?.signIn(body.link, (owner) => sessions.open(request, owner))
        if (!opened) return notByLink(request)
        set.headers['set-cookie'] = opened.setCookie
        return { session: shown(opened.session, support) }
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
      path,
      async ({ request, set }) => ({ session: shown(await admitted(request, set), support) }),
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
      path,
      async ({ request, set, query: { everywhere } }) => {
        // Without a permit: whoever has stolen a session cannot keep its user from ending it by using up the permits.
        const session = await found(request)
        set.headers['set-cookie'] = everywhere
          ? await sessions.closeAll(session)
          : await sessions.close(request)
        return { message: everywhere ? 'You are signed out everywhere.' : 'You are signed out.' }
      },
      {
        query: t.Object({
          everywhere: t.Optional(
            t.Boolean({ description: 'true: the sessions of the user in all browsers end.' }),
          ),
        }),
        response: { 200: t.Object({ message: t.String() }), ...problems },
        detail: {
          operationId: 'revokeSession',
          summary: 'Sign this browser out',
          description: 'Ends the session of the cookie, or all sessions of its user.',
          tags,
        },
      },
    )
}

function shown(session: BrowserSession, bounds: SupportBounds) {
  const { role, subject, organisation, signedInAt, csrfToken } = session
  return {
    ...{ subject, ...(organisation !== undefined && { organisation }) },
    ...(isOfOwner(role) && { accountId: accountIdOf(ownerOf(principalOfSession(session))) }),
    ...(role !== 'owner' && { role }),
    ...(role === 'support' && { bounds }),
    ...{ csrfToken, signedInAt: signedInAt.toISOString() },
  }
}
