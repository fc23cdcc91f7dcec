/**
 * Sessions of browsers that are signed in to a site. The cookie has a random id, of which the ledger's table has the hash.
 * Browsers send cookies whoever made the request: so a session counts only for what the site's own pages ask (by
 * `Sec-Fetch-Site`, else by `Origin`), and changes need the token beside it that only these pages can read.
 */
import { timingSafeEqual } from 'node:crypto'
import type { SessionOwner, SessionRows } from '../../ledger/sessions/session-rows.ts'
import { RequestRefused } from '../errors/request-refused.ts'
import type { Principal } from './auth.ts'
import { cookieAttributes, cookieOf, type Site } from './sites.ts'
import { openUnknownSecrets } from './unknown-secrets.ts'

/** The header in which pages repeat the token of their session. */
const csrfHeader = 'x-csrf-token'

/** As `Session`, with what its pages need. */
export interface BrowserSession extends SessionOwner {
  readonly signedInAt: Date
  readonly csrfToken: string
}

export interface BrowserSessions {
  /**
   * The session of a request; undefined: it has none that is not over.
   * @throws RequestRefused for what another site's page asks, and when the token does not fit
   */
  find(request: Request): Promise<BrowserSession | undefined>
  /** The same as a principal. */
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
  /** Ends all sessions of its user, of all browsers and sites. @returns the same */
  closeAll(session: SessionOwner): Promise<string>
}

interface SessionsOptions {
  readonly site: Site
  readonly rows: SessionRows
  /** The address of a request's client. */
  readonly ipOf: (request: Request) => string
}

export function openBrowserSessions({ site, rows, ipOf }: SessionsOptions): BrowserSessions {
  const unknownSecrets = openUnknownSecrets()
  const takenCookie = `${site.cookieName}=; ${cookieAttributes}; Max-Age=0`

  function sessionIdIn(request: Request): string | undefined {
    const id = cookieOf(request, site.cookieName)
    return id !== undefined && idPattern.test(id) ? id : undefined
  }

  async function find(request: Request): Promise<BrowserSession | undefined> {
    const id = sessionIdIn(request)
    if (id === undefined) return undefined
    requireSameOrigin(request)
    const hash = hashOf(id)
    const name = Buffer.from(hash).toString('base64url')
    if (!(await unknownSecrets.mayLookUp(name, ipOf(request)))) return undefined
    const session = await rows.use(hash)
    if (!session || !site.roles.includes(session.role)) return undefined
    unknownSecrets.know(name)
    const csrfToken = csrfTokenOf(id)
    requireToken(request, csrfToken)
    return { ...session, csrfToken }
  }

  return {
    find,
    async authenticate(request) {
      const session = await find(request)
      return session && { ...principalOfSession(session), signedInAt: session.signedInAt }
    },
    async open(request, owner) {
      const id = Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')
      const before = sessionIdIn(request)
      const replaces = before === undefined ? undefined : hashOf(before)
      const signedInAt = await rows.open(hashOf(id), owner, replaces)
      return {
        session: { ...owner, signedInAt, csrfToken: csrfTokenOf(id) },
        setCookie: `${site.cookieName}=${id}; ${cookieAttributes}`,
      }
    },
    async close(request) {
      const id = sessionIdIn(request)
      if (id !== undefined) await rows.close(hashOf(id))
      return takenCookie
    },
    async closeAll({ subject }) {
      await rows.closeAll(subject)
      return takenCookie
    },
  }
}

export function principalOfSession({ role, subject, organisation }: SessionOwner): Principal {
  return { role, subject, ...(organisation !== undefined && { organisation }) }
}

const idPattern = /^[A-Za-z0-9_-]{43}$/

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
    detail: 'A session of a browser counts only for what the pages of its own site ask.',
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
