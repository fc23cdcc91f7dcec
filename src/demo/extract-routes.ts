/**
 * The demo's page extraction. It fetches nothing from the network. It builds a page of the corpus as HTML, with the
 * navigation and footer of a real page, and reads the article out of it again.
 */

import { type Static, Type } from '@sinclair/typebox'
import pMap from 'p-map'
import { corpus, type Document, demoOrigin } from './corpus.ts'
import { badRequest, type Routes, readJson } from './http.ts'

const optionsBody = Type.Object({
  includeHtml: Type.Optional(Type.Boolean()),
  includeMarkdown: Type.Optional(Type.Boolean()),
  extractLinks: Type.Optional(Type.Boolean()),
  /** Characters of text. */
  maxLength: Type.Optional(Type.Integer({ minimum: 1 })),
})
type ExtractOptions = Static<typeof optionsBody>

const extractBody = Type.Object({
  url: Type.String({ minLength: 1 }),
  options: Type.Optional(optionsBody),
})

const bulkBody = Type.Object({
  urls: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 20 }),
  options: Type.Optional(optionsBody),
  concurrency: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
})

export const extractRoutes: Routes = {
  'POST /api/v1/extract': async (request) => {
    const started = performance.now()
    const body = await readJson(request, extractBody)
    if (!body.ok) return badRequest(body)
    const { url, options } = body.value
    const outcome = await extract(url, options)
    return Response.json({ ...outcome, meta: { url, duration: sinceMs(started) } })
  },
  'POST /api/v1/extract/bulk': async (request) => {
    const started = performance.now()
    const body = await readJson(request, bulkBody)
    if (!body.ok) return badRequest(body)
    const { urls, options, concurrency = 5 } = body.value
    const extractOne = async (url: string) => ({ url, ...(await extract(url, options)) })
    const results = await pMap(urls, extractOne, { concurrency })
    const successful = results.filter((result) => result.success).length
    const failed = results.length - successful
    const meta = { total: results.length, successful, failed, duration: sinceMs(started) }
    return Response.json({ results, meta })
  },
  ...Object.fromEntries(
    corpus.map((document) => [
      `GET /pages/${document.slug}`,
      () => new Response(htmlOf(document), { headers: { 'Content-Type': 'text/html' } }),
    ]),
  ),
}

async function extract(url: string, options: ExtractOptions = {}) {
  const document = corpus.find((candidate) => candidate.url === url)
  if (!document) return { success: false, error: `The demo corpus has no page at ${url}` }
  const html = htmlOf(document)
  const article = readArticle(html)
  const text = article.text.slice(0, options.maxLength)
  const content = {
    title: article.title,
    text,
    wordCount: text.match(/\S+/g)?.length ?? 0,
    publishedDate: document.publishedDate,
    ...(options.includeMarkdown !== false && { markdown: article.markdown }),
    ...(options.includeHtml && { html }),
    ...(options.extractLinks && { links: article.links }),
  }
  return { success: true, content }
}

/** Reads the title, text, markdown and links of the article in a page. */
function readArticle(html: string) {
  const marks: Record<string, string> = { h1: '# ', h2: '## ', li: '- ' }
  const blocks: { mark: string; text: string; markdown: string }[] = []
  const links: { url: string; text: string }[] = []
  let title = ''
  let link: { url: string; text: string } | undefined

  new HTMLRewriter()
    .on('title', {
      text: (chunk) => {
        title += chunk.text
      },
    })
    .on('article h1, article h2, article p, article li', {
      element: ({ tagName }) => {
        blocks.push({ mark: marks[tagName] ?? '', text: '', markdown: '' })
      },
      text: (chunk) => {
        const block = blocks.at(-1)
        if (!block) return
        block.text += chunk.text
        // The words of a link are added to the markdown at its end, together with its address.
        if (link) link.text += chunk.text
        else block.markdown += chunk.text
      },
    })
    .on('article a[href]', {
      element: (element) => {
        const opened = { url: element.getAttribute('href') ?? '', text: '' }
        link = opened
        element.onEndTag(() => {
          const block = blocks.at(-1)
          if (block) block.markdown += `[${opened.text}](${opened.url})`
          links.push({ url: unescapeHtml(opened.url), text: unescapeHtml(opened.text) })
          link = undefined
        })
      },
    })
    .transform(html)

  return {
    title: unescapeHtml(title),
    text: unescapeHtml(blocks.map((block) => block.text).join('\n\n')),
    markdown: unescapeHtml(blocks.map((block) => block.mark + block.markdown).join('\n\n')),
    links,
  }
}

function htmlOf(document: Document): string {
  const title = Bun.escapeHTML(document.title)
  const paragraphs = document.paragraphs.map((text) => `<p>${Bun.escapeHTML(text)}</p>`)
  const related = corpus
    .filter((other) => other.category === document.category && other !== document)
    .slice(0, 3)
    .map(({ url, title }) => `<li><a href="${url}">${Bun.escapeHTML(title)}</a></li>`)
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title></head>
<body>
<nav><a href="${demoOrigin}/">Demo corpus</a></nav>
<article>
<h1>${title}</h1>
${paragraphs.join('\n')}
<h2>See also</h2>
<ul>
${related.join('\n')}
</ul>
</article>
<footer>A page of Tollbook's demo corpus.</footer>
</body>
</html>
`
}

const entities: Record<string, string> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#x27;': "'",
  '&amp;': '&',
}

/** Undoes Bun.escapeHTML. */
function unescapeHtml(text: string): string {
  return text.replace(/&(?:lt|gt|quot|#x27|amp);/g, (entity) => entities[entity] ?? entity)
}

function sinceMs(started: number): number {
  return Math.round(performance.now() - started)
}
