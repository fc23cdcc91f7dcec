/** As much of an object store that speaks S3 as an archive needs, in memory: PUT, and lists of three names a page. */
export function startObjectStore() {
  const objects = new Map<string, Uint8Array>()
  const signed: (string | null)[] = []
  const pageNames = 3
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const { pathname, searchParams } = new URL(request.url)
      signed.push(request.headers.get('authorization'))
      if (request.method === 'PUT') {
        objects.set(decodeURIComponent(pathname.slice(1)), await request.bytes())
        return new Response(null, { headers: { etag: '"1"' } })
      }
      const bucket = `${pathname.split('/')[1]}/`
      const prefix = bucket + (searchParams.get('prefix') ?? '')
      const names = [...objects.keys()].filter((name) => name.startsWith(prefix)).sort()
      const from = Number(searchParams.get('continuation-token') ?? 0)
      const more = from + pageNames < names.length
      const contents = names
        .slice(from, from + pageNames)
        .map((name) => `<Contents><Key>${name.slice(bucket.length)}</Key><Size>1</Size></Contents>`)
      const body = `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>${bucket.slice(0, -1)}</Name>
        <IsTruncated>${more}</IsTruncated>${contents.join('')}
        ${more ? `<NextContinuationToken>${from + pageNames}</NextContinuationToken>` : ''}</ListBucketResult>`
      return new Response(body, { headers: { 'content-type': 'application/xml' } })
    },
  })
  return {
    /** By bucket and name. */
    objects,
    signed,
    env: {
      S3_ENDPOINT: `http://127.0.0.1:${server.port}`,
      S3_ACCESS_KEY_ID: 'tester',
      S3_SECRET_ACCESS_KEY: 'secret',
      S3_REGION: 'us-east-1',
    },
    stop: () => server.stop(true),
  }
}
