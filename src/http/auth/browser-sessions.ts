/**
 * Sessions of browsers that are signed in to the portal. The cookie has a random id, of which the ledger's table has the hash.
 * Browsers send cookies whoever made the request: so a session counts only for what the portal's own pages ask (by
 * `Sec-Fetch-Site`, else by `Origin`), and changes need the token beside it that only these pages can read.
 */
import { timingSafeEqual } from 'node:crypto'
import type { PortalSessions, SessionOwner } from '../../ledger/sessions/portal-sessions.ts'
import { RequestRefused } from '../errors/request-refused.ts'
import type { Principal } from './auth.ts'

/**
 * `__Host-` binds it to this host alone, and to a secure connection; browsers take loopback for one. Ports of a host share
 * their cookies, which is why the request must be of the same origin.
 */
export const cookieName = '__Host-tollbook-portal'

/** The header in which pages repeat the token of their session. */
const csrfHeader = 'x-csrf-token'

/** As `PortalSession`, with what its pages need. */
interface BrowserSession extends SessionOwner {
  readonly signedInAt: Date
  readonly csrfToken: string
}

export interface BrowserSessions {
  /**
   * The session of a request; undefined: it has none that is not over.
   * @throws RequestRefused for what another site's page asks, and when the token does not fit
   */
  find(request: Request): Promise<BrowserSession | undefined>
  /** The same as a principal: in the portal everyone is an owner, whatever else the user may do elsewhere. */
  authenticate(request: Request): Promise<Principal | undefined>
  /**
   * Opens a session in place of the one that the browser may have.
   * @returns the session, and the `Set-Cookie` header that gives it to the browser
   */
  open(
    request: Request,
    owner: SessionOwner,
  ): Promise<{ readonly session: BrowserSession; readonly setCookie: string }>
  /** Ends the session. @returns the `Set-Cookie` header that takes it from the browser */
  close(request: Request): Promise<string>
}

export function openBrowserSessions(sessions: PortalSessions): BrowserSessions {
  async function find(request: Request): Promise<BrowserSession | undefined> {
    const id = sessionIdIn(request)
    if (id === undefined) return undefined
    requireSameOrigin(request)
    const session = await sessions.use(hashOf(id))
    if (!session) return undefined
    const csrfToken = csrfTokenOf(id)
    requireToken(request, csrfToken)
    return { ...session, csrfToken }
  }
  return {
    find,
    async authenticate(request) {
      const session = await find(request)
      if (!session) return undefined
      const { subject, organisation } = session
      return { subject, role: 'owner', ...(organisation !== undefined && { organisation }) }
    },
    async open(request, owner) {
      const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
      const before = sessionIdIn(request)
      const signedInAt = await sessions.open(
        hashOf(id),
        owner,
        before === undefined ? undefined : hashOf(before),
      )
      return {
        session: { ...owner, signedInAt, csrfToken: csrfTokenOf(id) },
        setCookie: cookie(id),
      }
    },
    async close(request) {
      const id = sessionIdIn(request)
      if (id !== undefined) await sessions.close(hashOf(id))
      return `${cookie('')}; Max-Age=0`
    },
  }
}

/** Lax, so that a link of a mail leads to the portal and not to a sign-in. */
function cookie(id: string): string {
  return `${cookieName}=${id}; Path=/; Secure; HttpOnly; SameSite=Lax`
}

const idPattern = /^[A-Za-z0-9_-]{43}$/

/** Of two cookies of the name one is somebody else's, so neither counts. */
function sessionIdIn({ headers }: Request): string | undefined {
  const found = (headers.get('cookie') ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${cookieName}=`))
    .map((part) => part.slice(cookieName.length + 1))
  const [id = ''] = found
  return found.length === 1 && idPattern.test(id) ? id : undefined
}

function hashOf(id: string): Uint8Array {
  return Bun.SHA256.hash(`session:${id}`) as Uint8Array
}

/** It follows from the id, which nobody can read but the browser, and the id does not follow from it. */
function csrfTokenOf(id: string): string {
  return Buffer.from(Bun.SHA256.hash(`csrf:${id}`) as Uint8Array).toString('base64url')
}

/** @throws RequestRefused unless the request comes from a page of this origin, in the browser's own words */
export function requireSameOrigin({ headers, url }: Request): void {
  const site = headers.get('sec-fetch-site')
  const origin = headers.get('origin')
  if (site !== null ? site === 'same-origin' : isOwnOrigin(origin, url)) return
  throw new RequestRefused({
    code: 'forbidden',
    detail: 'A session of the portal counts only for what its own pages ask.',
  })
}

/** What stands between may have ended TLS, so the scheme does not count: the cookie is sent over nothing else. */
function isOwnOrigin(origin: string | null, url: string): boolean {
  if (origin === null || !URL.canParse(origin) || !URL.canParse(url)) return false
  return new URL(origin).host === new URL(url).host
}

/** A page of another session, such as that of a tab in which somebody else was signed in, is told so whatever it asks. */
function requireToken({ headers, method }: Request, token: string): void {
  const sent = headers.get(csrfHeader)
  if (sent === null && (method === 'GET' || method === 'HEAD')) return
  if (sent !== null && isEqual(sent, token)) return
  throw new RequestRefused({
    code: 'forbidden',
    detail: 'The X-CSRF-Token is missing, or of another session: load the page again.',
  })
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}
