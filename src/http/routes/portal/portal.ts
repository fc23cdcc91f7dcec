/** The routes of the portal: its pages, their files, and signing in. */
import { Elysia } from 'elysia'
import { portalFile, portalPage } from './portal-page.ts'
import { type SessionDeps, sessionRoutes } from './session.ts'

export function portalRoutes(deps: SessionDeps) {
  const hidden = { detail: { hide: true } }
  return new Elysia({ name: 'portal', normalize: false })
    .use(sessionRoutes(deps))
    .get('/portal/assets/:file', ({ params: { file } }) => portalFile(file), hidden)
    .get('/portal', portalPage, hidden)
    .get('/portal/:page', portalPage, hidden)
    .get('/portal/:page/:part', portalPage, hidden)
}
