/**
 * Signing in to the portal at an identity provider: OpenID Connect, the code flow with PKCE, state and nonce. What a sign-in has
 * begun with stands in a cookie of ten minutes until the provider sends the browser back.
 */
import * as oidc from 'openid-client'
import type { SessionOwner } from '../../ledger/sessions/portal-sessions.ts'
import { isId } from './auth.ts'
import { claimAt } from './claim-at.ts'

interface OidcOptions {
  readonly issuer: string
  readonly clientId: string
  /** Absent: the client is a public one, which PKCE protects. */
  readonly clientSecret?: string | undefined
  /** Where browsers reach the portal: the provider sends them back there. */
  readonly publicUrl: string
  /** Where a token names the organisation. */
  readonly organisationClaim: string
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
  readonly reason: 'unavailable' | 'refused'

  constructor(reason: SignInFailed['reason'], cause: unknown) {
    super(`a sign-in failed (${reason})`, { cause })
    this.reason = reason
  }
}

const cookieName = '__Host-tollbook-sign-in'
const cookieAttributes = 'Path=/; Secure; HttpOnly; SameSite=Lax'
const maxSeconds = 600
/** How long the provider has for each reply. */
const timeoutSeconds = 10
/** Anybody can come back as from the provider, and each who does costs it a request. */
const maxExchanges = 8

export const signedInPath = '/portal/signed-in'

export function openOidcSignIn(options: OidcOptions): OidcSignIn {
  const { issuer, clientId, clientSecret, publicUrl } = options
  const redirectUri = new URL(signedInPath, publicUrl).href
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
        returnTo: ownPath(returnTo),
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
      const begun = begunIn(request)
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
        const owner = ownerFrom(tokens.claims(), options.organisationClaim)
        return { owner, returnTo: ownPath(begun.returnTo) }
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
function begunIn({ headers }: Request): Begun | undefined {
  const found = (headers.get('cookie') ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${cookieName}=`))
  if (found.length !== 1) return undefined
  try {
    const text = Buffer.from(found[0]?.slice(cookieName.length + 1) ?? '', 'base64url').toString()
    const { state, nonce, verifier, returnTo } = JSON.parse(text)
    const texts = [state, nonce, verifier, returnTo]
    if (texts.some((value) => typeof value !== 'string' || value === '')) return undefined
    return { state, nonce, verifier, returnTo }
  } catch {
    return undefined
  }
}

/** A page of the portal, and of nobody else: whatever else is asked for, such as to sign in again, leads to the first one. */
function ownPath(path: string | null): string {
  const isPage = path !== null && /^\/portal(\/(?!sign)[A-Za-z0-9_-]+){0,2}$/.test(path)
  return isPage ? path : '/portal'
}

/** @throws Error for a claim that names no owner */
function ownerFrom(
  claims: Readonly<Record<string, unknown>> = {},
  organisationClaim: string,
): SessionOwner {
  const { sub } = claims
  const organisation = claimAt(claims, organisationClaim) ?? undefined
  if (!isId(sub)) throw new Error('the token has no subject that can own an account')
  if (organisation === undefined) return { subject: sub }
  // Read as the user's own, it would create keys on the wrong account.
  if (!isId(organisation)) throw new Error(`the claim ${organisationClaim} names no organisation`)
  return { subject: sub, organisation }
}
