/** The routes of the portal: its pages, their files, and signing in. */
import { Elysia } from 'elysia'
import { portalFile, portalPage } from './portal-page.ts'
import { type SessionDeps, sessionRoutes } from './session.ts'
import { type SignInDeps, signInRoutes } from './sign-in.ts'

export function portalRoutes(deps: SessionDeps & SignInDeps) {
  const hidden = { detail: { hide: true } }
  const page = () => portalPage({ atProvider: deps.oidc !== undefined })
  return new Elysia({ name: 'portal', normalize: false })
    .use(sessionRoutes(deps))
    .use(signInRoutes(deps))
    .get('/portal/assets/:file', ({ params: { file } }) => portalFile(file), hidden)
    .get('/portal', page, hidden)
    .get('/portal/:page', page, hidden)
    .get('/portal/:page/:part', page, hidden)
}
