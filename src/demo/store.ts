/** A store of bytes by path: PUT, GET, HEAD and DELETE, with entity tags and ranges. */

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly type: string
  readonly tag: string
}

/** What is kept in all; the oldest are forgotten. */
const maxBytes = 64 * 1_048_576

export function openStore(): (request: Request, path: string) => Promise<Response> {
  const stored = new Map<string, Stored>()
  let size = 0

  function forget(path: string): boolean {
    size -= stored.get(path)?.bytes.length ?? 0
    return stored.delete(path)
  }

  async function put(request: Request, path: string): Promise<Response> {
    const bytes = await request.bytes()
    const isNew = !forget(path)
    const type = request.headers.get('content-type') ?? 'application/octet-stream'
    const tag = `"${Bun.hash(bytes).toString(36)}"`
    stored.set(path, { bytes, type, tag })
    size += bytes.length
    for (const oldest of stored.keys()) {
      if (size <= maxBytes || oldest === path) break
      forget(oldest)
    }
    const headers = { ETag: tag, Location: path }
    return Response.json({ path, bytes: bytes.length }, { status: isNew ? 201 : 200, headers })
  }

  function get({ method, headers }: Request, path: string): Response {
    const found = stored.get(path)
    if (!found) return notFound()
    const { bytes, type, tag } = found
    const known = { ETag: tag, 'Cache-Control': 'public, max-age=60' }
    if (headers.get('if-none-match') === tag)
      return new Response(null, { status: 304, headers: known })
    const all = { ...known, 'Content-Type': type, 'Accept-Ranges': 'bytes' }
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.get('range') ?? '') ?? []
    if (method === 'GET' && from !== undefined && Number(from) < bytes.length) {
      const end = Math.min(to ? Number(to) : bytes.length - 1, bytes.length - 1)
      const range = `bytes ${from}-${end}/${bytes.length}`
      const part = bytes.slice(Number(from), end + 1)
      return new Response(part, { status: 206, headers: { ...all, 'Content-Range': range } })
    }
    return new Response(bytes, { headers: all })
  }

  return async (request, path) => {
    switch (request.method) {
      case 'PUT':
        return put(request, path)
      case 'GET':
      case 'HEAD':
        return get(request, path)
      case 'DELETE':
        return forget(path) ? new Response(null, { status: 204 }) : notFound()
      default:
        return Response.json({ error: 'Method Not Allowed' }, { status: 405 })
    }
  }
}

function notFound(): Response {
  return Response.json({ error: 'Not Found' }, { status: 404 })
}
