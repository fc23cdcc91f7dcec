/**
 * Signing in to a site at an identity provider: OpenID Connect, the code flow with PKCE, state and nonce. What a sign-in has
 * begun with stands in a cookie of ten minutes until the provider sends the browser back.
 */
import * as oidc from 'openid-client'
import type { SessionOwner } from '../../ledger/sessions/session-rows.ts'
import { type Principal, principalOf, type RoleOptions } from './auth.ts'
import { cookieAttributes, cookieOf, type Site, signedInPath } from './sites.ts'

interface OidcOptions {
  readonly issuer: string
  readonly clientId: string
  /** Absent: the client is a public one, which PKCE protects. */
  readonly clientSecret?: string | undefined
  readonly site: Site
  /** Where browsers reach the site: the provider sends them back there. */
  readonly publicUrl: string
  /** How a token says who somebody is. */
  readonly roles: RoleOptions
}

interface Begun {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly returnTo: string
}

export interface OidcSignIn {
  /** @throws SignInFailed when the provider cannot be asked */
  begin(returnTo: string | null): Promise<{ readonly location: string; readonly setCookie: string }>
  /** @throws SignInFailed */
  finish(request: Request): Promise<{ readonly owner: SessionOwner; readonly returnTo: string }>
  /** Takes the cookie of a sign-in that has ended. */
  readonly clearCookie: string
}

/** Why nobody was signed in: the page says it in words. */
export class SignInFailed extends Error {
  override readonly name = 'SignInFailed'
  readonly reason: 'unavailable' | 'refused' | 'not-operator'

  constructor(reason: SignInFailed['reason'], cause: unknown) {
    super(`a sign-in failed (${reason})`, { cause })
    this.reason = reason
  }
}

const maxSeconds = 600
/** How long the provider has for each reply. */
const timeoutSeconds = 10
/** Anybody can come back as from the provider, and each who does costs it a request. */
const maxExchanges = 8

export function openOidcSignIn(options: OidcOptions): OidcSignIn {
  const { issuer, clientId, clientSecret, publicUrl, site, roles } = options
  const cookieName = site.signInCookieName
  const redirectUri = new URL(signedInPath(site), publicUrl).href
  let discovered: Promise<oidc.Configuration> | undefined
  let exchanges = 0

  /** Asked when somebody signs in, and again after it failed: a gateway starts without its provider. */
  function discover(): Promise<oidc.Configuration> {
    // Only an address of this machine can be configured without TLS.
    const isPlain = issuer.startsWith('http:')
    discovered ??= oidc
      .discovery(new URL(issuer), clientId, clientSecret, undefined, {
        timeout: timeoutSeconds,
        ...(isPlain && { execute: [oidc.allowInsecureRequests] }),
      })
      .catch((error) => {
        discovered = undefined
        throw new SignInFailed('unavailable', error)
      })
    return discovered
  }

  return {
    async begin(returnTo) {
      const begun: Begun = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        verifier: oidc.randomPKCECodeVerifier(),
        returnTo: ownPath(site, returnTo),
      }
      const location = oidc.buildAuthorizationUrl(await discover(), {
        redirect_uri: redirectUri,
        scope: 'openid',
        state: begun.state,
        nonce: begun.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(begun.verifier),
        code_challenge_method: 'S256',
      }).href
      const value = Buffer.from(JSON.stringify(begun)).toString('base64url')
      const setCookie = `${cookieName}=${value}; ${cookieAttributes}; Max-Age=${maxSeconds}`
      return { location, setCookie }
    },
    async finish(request) {
      const begun = begunIn(cookieOf(request, cookieName))
      if (!begun) throw new SignInFailed('refused', 'the browser has begun no sign-in')
      if (exchanges >= maxExchanges)
        throw new SignInFailed('unavailable', 'too many sign-ins at once')
      exchanges++
      try {
        const config = await discover()
        // The address as browsers see it, whatever a proxy has made of it.
        const current = new URL(redirectUri)
        current.search = new URL(request.url).search
        const tokens = await oidc.authorizationCodeGrant(config, current, {
          expectedState: begun.state,
          expectedNonce: begun.nonce,
          pkceCodeVerifier: begun.verifier,
          idTokenExpected: true,
        })
        const owner = ownerFrom(site, principalOf(tokens.claims() ?? {}, roles))
        return { owner, returnTo: ownPath(site, begun.returnTo) }
      } catch (error) {
        throw error instanceof SignInFailed ? error : new SignInFailed('refused', error)
      } finally {
        exchanges--
      }
    },
    clearCookie: `${cookieName}=; ${cookieAttributes}; Max-Age=0`,
  }
}

/** The cookie is the browser's own, and a browser could have any: what it says is checked where it is used. */
function begunIn(cookie = ''): Begun | undefined {
  try {
    const { state, nonce, verifier, returnTo } = JSON.parse(
      Buffer.from(cookie, 'base64url').toString(),
    )
    const texts = [state, nonce, verifier, returnTo]
    if (texts.some((value) => typeof value !== 'string' || value === '')) return undefined
    return { state, nonce, verifier, returnTo }
  } catch {
    return undefined
  }
}

/** A page of the site, and of nobody else: whatever else is asked for, such as to sign in again, leads to the first one. */
function ownPath({ root }: Site, path: string | null): string {
  if (!path?.startsWith(root)) return root
  return /^(\/(?!sign)[A-Za-z0-9_-]+){0,2}$/.test(path.slice(root.length)) ? path : root
}

/**
 * In the portal everyone is an owner or a reader, whatever else the user may do elsewhere; in the console nobody is.
 * @throws SignInFailed
 */
function ownerFrom(site: Site, { onlyReadsOwn, ...principal }: Principal): SessionOwner {
  if (site.roles.includes(principal.role)) return principal
  if (site.roles.includes('owner')) return { ...principal, role: onlyReadsOwn ? 'reader' : 'owner' }
  throw new SignInFailed('not-operator', 'the token names no role of operators')
}
