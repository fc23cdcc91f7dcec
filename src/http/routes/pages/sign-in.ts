/** The two addresses of a sign-in at an identity provider: where it begins, and where the provider sends the browser back. */
import { Elysia } from 'elysia'
import type { Seller } from '../../../config/file/seller.ts'
import type { BrowserSessions } from '../../auth/browser-sessions.ts'
import { type OidcSignIn, SignInFailed } from '../../auth/oidc-sign-in.ts'
import type { AwaitRefusal } from '../../auth/refusal-pace.ts'
import { type Site, signedInPath } from '../../auth/sites.ts'
import { sitePage } from './site-pages.ts'

export interface SignInDeps {
  readonly site: Site
  /** Who sells; undefined: the configuration does not say. */
  readonly seller: Seller | undefined
  readonly sessions: BrowserSessions
  /** Absent: nobody signs in at a provider, and these addresses are no others than those of pages. */
  readonly oidc: OidcSignIn | undefined
  readonly ipOf: (request: Request) => string
  readonly awaitRefusal: AwaitRefusal
  readonly log: (message: string, error: unknown) => void
}

export function signInRoutes(deps: SignInDeps) {
  const { site, seller, sessions, oidc, ipOf, awaitRefusal, log } = deps
  const hidden = { detail: { hide: true } }
  const page = () => sitePage(site, { atProvider: false, seller })
  // The types are those of the portal, whose routes clients are made for.
  const root = site.root as '/portal'

  /** The page says what went wrong, by the word behind `#`. */
  async function failed(request: Request, error: unknown): Promise<Response> {
    if (!(error instanceof SignInFailed)) throw error
    log(
      `nobody was signed in to the ${site.name}: ${error.reason}${providersWords(error.cause)}`,
      error.cause,
    )
    await awaitRefusal(ipOf(request))
    return redirect(`${site.root}#failed=${error.reason}`, oidc ? [oidc.clearCookie] : [])
  }

  return new Elysia({ name: `${site.name}-sign-in`, normalize: false })
    .get(
      `${root}/sign-in`,
      async ({ request }) => {
        if (!oidc) return page()
        // Another site's page must not sign anybody in who has not asked for it: its link leads to the button.
        if (request.headers.get('sec-fetch-site') !== 'same-origin') return redirect(site.root, [])
        try {
          const to = new URL(request.url).searchParams.get('to')
          const { location, setCookie } = await oidc.begin(to)
          return redirect(location, [setCookie])
        } catch (error) {
          return failed(request, error)
        }
      },
      hidden,
    )
    .get(
      signedInPath({ root }) as `${typeof root}/signed-in`,
      async ({ request }) => {
        if (!oidc) return page()
        try {
          const { owner, returnTo } = await oidc.finish(request)
          const { setCookie } = await sessions.open(request, owner)
          return redirect(returnTo, [setCookie, oidc.clearCookie])
        } catch (error) {
          return failed(request, error)
        }
      },
      hidden,
    )
}

/** What the provider says of a request that it refuses: `invalid_client`, and why. */
function providersWords(cause: unknown): string {
  const { error, error_description: why } = (cause ?? {}) as Record<string, unknown>
  return [error, why].map((text) => (typeof text === 'string' ? `: ${text}` : '')).join('')
}

function redirect(location: string, cookies: readonly string[]): Response {
  const headers = new Headers({
    Location: location,
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
  })
  for (const cookie of cookies) headers.append('Set-Cookie', cookie)
  return new Response(null, { status: 303, headers })
}
