/** The routes of a site: its pages, their files, and signing in. */
import { Elysia } from 'elysia'
import { type SessionDeps, sessionRoutes } from './session.ts'
import { type SignInDeps, signInRoutes } from './sign-in.ts'
import { siteFile, sitePage } from './site-pages.ts'

type PagesDeps = SessionDeps & SignInDeps

export function pagesRoutes(deps: PagesDeps) {
  const { site, oidc, seller } = deps
  // The types are those of the portal, whose routes clients are made for.
  const root = site.root as '/portal'
  const hidden = { detail: { hide: true } }
  const page = () => sitePage(site, { atProvider: oidc !== undefined, seller })
  return new Elysia({ name: site.name, normalize: false })
    .use(sessionRoutes(deps))
    .use(signInRoutes(deps))
    .get(
      `${root}/assets/:file`,
      ({ params: { file } }) => siteFile(site, file, seller?.logo),
      hidden,
    )
    .get(root, page, hidden)
    .get(`${root}/:page`, page, hidden)
    .get(`${root}/:page/:part`, page, hidden)
}
