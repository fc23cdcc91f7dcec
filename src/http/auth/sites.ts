/** The two sites that people sign in to with a browser: customers to the portal, the seller's staff to the console. */
import type { SessionOwner } from '../../ledger/sessions/session-rows.ts'
import type { SiteName } from '../../pages/bundle-pages.ts'

export interface Site {
  readonly name: SiteName
  /** Where all its addresses begin. */
  readonly root: '/portal' | '/console'
  readonly title: string
  /**
   * `__Host-` binds it to this host alone, and to a secure connection; browsers take loopback for one. Ports of a host share
   * their cookies, which is why each site has its own, and why a request must be of the same origin.
   */
  readonly cookieName: string
  /** Has what a sign-in at a provider has begun with. */
  readonly signInCookieName: string
  /** As what one can be signed in. */
  readonly roles: readonly SessionOwner['role'][]
}

export const portal: Site = {
  ...{ name: 'portal', root: '/portal', title: 'Portal', roles: ['owner', 'reader'] },
  ...{ cookieName: '__Host-tollbook-portal', signInCookieName: '__Host-tollbook-sign-in' },
}

export const operatorsConsole: Site = {
  ...{
    name: 'console',
    root: '/console',
    title: 'Console',
    roles: ['admin', 'support', 'auditor'],
  },
  cookieName: '__Host-tollbook-console',
  signInCookieName: '__Host-tollbook-console-sign-in',
}

/** Where a provider sends a browser back to. */
export function signedInPath({ root }: Pick<Site, 'root'>): string {
  return `${root}/signed-in`
}

/** The value of the cookie. Of two of the name one is somebody else's, so neither counts. */
export function cookieOf({ headers }: Request, name: string): string | undefined {
  const found = (headers.get('cookie') ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
  return found.length === 1 ? found[0]?.slice(name.length + 1) : undefined
}

/** Lax, so that a link of a mail leads to the site and not to a sign-in. */
export const cookieAttributes = 'Path=/; Secure; HttpOnly; SameSite=Lax'
