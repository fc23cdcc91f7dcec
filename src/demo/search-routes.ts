/** The demo search API: BM25 over a small corpus, in the shapes of a meta-search API; and the extraction of pages. */

import { type Static, Type } from '@sinclair/typebox'
import { categories, corpus } from './corpus.ts'
import { extractRoutes } from './extract-routes.ts'
import { badRequest, type Routes, readJson } from './http.ts'
import { rank, snippetOf } from './ranking.ts'

const dayMs = 86_400_000
const rangesMs = { day: dayMs, week: 7 * dayMs, month: 31 * dayMs, year: 366 * dayMs }

const searchBody = Type.Object({
  query: Type.String({ pattern: '\\S' }),
  options: Type.Optional(
    Type.Object({
      categories: Type.Optional(
        Type.Array(Type.Union(categories.map((name) => Type.Literal(name)))),
      ),
      timeRange: Type.Optional(Type.KeyOf(Type.Const(rangesMs))),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    }),
  ),
  cache: Type.Optional(
    Type.Object({
      enabled: Type.Optional(Type.Boolean()),
      /** Seconds. */
      ttl: Type.Optional(Type.Number({ minimum: 0 })),
    }),
  ),
})
type SearchBody = Static<typeof searchBody>

/** @param now Unix milliseconds; by this clock the cache expires */
export function searchRoutes(now: () => number = Date.now): Routes {
  const cache = createCache(now)
  return {
    ...extractRoutes,
    'GET /api/v1/search/engines': () =>
      Response.json([{ name: 'demo', categories, enabled: true, documents: corpus.length }]),
    'POST /api/v1/search': async (request) => {
      const started = performance.now()
      const body = await readJson(request, searchBody)
      if (!body.ok) return badRequest(body)
      const { found, cached } = cache(body.value)
      const duration = Math.round(performance.now() - started)
      const { query } = body.value
      const { results, totalResults } = found
      const meta = { query, totalResults, engines: ['demo'], duration, cached }
      return Response.json({ results, meta })
    },
  }
}

type Found = ReturnType<typeof search>

function search({ query, options = {} }: SearchBody) {
  const { categories: wanted, timeRange, limit = 10 } = options
  const since = timeRange ? newestMs - rangesMs[timeRange] : 0
  const hits = rank(query)
    .filter(({ document }) => !wanted?.length || wanted.includes(document.category))
    .filter(({ document }) => Date.parse(document.publishedDate) >= since)
  const results = hits.slice(0, limit).map(({ document, score }) => ({
    url: document.url,
    title: document.title,
    snippet: snippetOf(document, query),
    engine: 'demo',
    score: Math.round(score * 1000) / 1000,
    publishedDate: document.publishedDate,
    category: document.category,
  }))
  return { results, totalResults: hits.length }
}

/** Time ranges count back from here. The corpus does not grow, so ranges that end today would become empty. */
const newestMs = Math.max(...corpus.map((document) => Date.parse(document.publishedDate)))

function createCache(now: () => number) {
  const entries = new Map<string, { found: Found; expiresAtMs: number }>()
  const maxEntries = 1_000

  return (body: SearchBody): { found: Found; cached: boolean } => {
    if (body.cache?.enabled === false) return { found: search(body), cached: false }
    const key = JSON.stringify([body.query, body.options])
    const cached = entries.get(key)
    if (cached && cached.expiresAtMs > now()) return { found: cached.found, cached: true }

    const found = search(body)
    const [oldest] = entries.keys()
    if (entries.size >= maxEntries && oldest !== undefined) entries.delete(oldest)
    entries.set(key, { found, expiresAtMs: now() + (body.cache?.ttl ?? 3_600) * 1_000 })
    return { found, cached: false }
  }
}
