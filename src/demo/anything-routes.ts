/**
 * The demo API of everything, for configurations that sell an API of one's own: it keeps what is PUT under /documents and
 * /files, its jobs are done when they have been looked at twice, and all else is told what was received.
 */
import type { Handler } from './http.ts'
import { openStore } from './store.ts'

/** Jobs that are remembered; the oldest are forgotten. */
const maxJobs = 1_000
const looksUntilDone = 2
const maxShownText = 10_000

/** Handles every path. What it keeps is in memory. */
export function anythingHandler(): Handler {
  const store = openStore()
  const looksAtJobs = new Map<string, number>()

  function beginJob(): Response {
    const id = crypto.randomUUID()
    looksAtJobs.set(id, 0)
    for (const oldest of looksAtJobs.keys()) {
      if (looksAtJobs.size <= maxJobs) break
      looksAtJobs.delete(oldest)
    }
    return Response.json(
      { id, state: 'queued' },
      { status: 202, headers: { Location: `/jobs/${id}` } },
    )
  }

  function showJob(id: string): Response {
    const looks = looksAtJobs.get(id)
    if (looks === undefined) return Response.json({ error: 'No such job' }, { status: 404 })
    looksAtJobs.set(id, looks + 1)
    const isDone = looks >= looksUntilDone
    return Response.json({
      id,
      state: isDone ? 'done' : 'running',
      ...(isDone && { result: `The result of job ${id}` }),
    })
  }

  return async (request, url) => {
    const { pathname } = url
    if (/^\/(documents|files)\/./.test(pathname)) return store(request, pathname)
    if (request.method === 'POST' && pathname === '/jobs') return beginJob()
    const job = /^\/jobs\/([^/]+)$/.exec(pathname)?.[1]
    if (job !== undefined && request.method === 'GET') return showJob(job)
    return Response.json(await received(request, url))
  }
}

/** What an upstream can see of a call. */
async function received(request: Request, { pathname, search }: URL) {
  const bytes = await request.bytes()
  const text = new TextDecoder().decode(bytes)
  return {
    method: request.method,
    path: pathname + search,
    headers: Object.fromEntries(request.headers),
    bytes: bytes.length,
    ...(bytes.length > 0 && bytes.length <= maxShownText && { body: text }),
  }
}
