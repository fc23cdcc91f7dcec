/**
 * The routes of the API documentation: `/docs/json` is an OpenAPI document, `/docs` is a page that shows it.
 *
 * @elysiajs/swagger reads the routes of the app that uses these, and only this file knows it. Its document is a
 * draft that is completed here, and its page, which loads from a CDN, is replaced by one that loads nothing.
 */
import { swagger } from '@elysiajs/swagger'
import { Elysia } from 'elysia'
import { completeDocument, type DraftDocument } from '../../openapi/complete-document.ts'
import type { DocumentedConfig } from '../../openapi/openapi-calls.ts'
import { docsFile, docsPage } from './docs-page.ts'

const documentPath = '/docs/json'

export function docsRoutes(config: DocumentedConfig) {
  let document: Promise<string> | undefined
  const completed = async (draft: DraftDocument) =>
    JSON.stringify(await completeDocument(draft, config))
  const hidden = { detail: { hide: true } }
  return (
    new Elysia({ name: 'docs', normalize: false })
      .onAfterHandle(async ({ path, response }) => {
        if (path !== documentPath) return
        document ??= completed(response as DraftDocument)
        return new Response(await document, { headers: { 'Content-Type': 'application/json' } })
      })
      .use(swagger({ path: '/docs', specPath: documentPath }))
      // This page replaces the one of the plugin.
      .get('/docs', docsPage, hidden)
      .get('/docs/:file', ({ params: { file } }) => docsFile(file), hidden)
  )
}
