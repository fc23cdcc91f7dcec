/** What crosses the gateway in either direction, and what does not. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { rawCall } from '../support/raw-client.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { type RawUpstream, startRawUpstream } from '../support/upstream.ts'

let shop: Shop
let raw: RawUpstream
beforeAll(async () => {
  raw = await startRawUpstream()
  const service = (more: object) => ({ url: raw.url, ...more })
  const services = {
    search: { url: raw.url },
    kong: service({ identity: 'kong' }),
    silent: service({ identity: 'none' }),
    named: service({ identity: { account: 'Tenant', key: 'X_My_Key' } }),
    few: service({ identity: 'none', requestHeaders: ['Accept', 'prefer', 'X_Mine'] }),
  }
  const routes = Object.fromEntries(
    ['kong', 'silent', 'named', 'few'].map((service) => [service, routeTo(service)]),
  )
  shop = await openShop({
    config: {
      plans: { pro: { rateLimit: 1_000_000 } },
      services,
      routes: { ...routes, search: { query: 'any' } },
      keyHeaders: ['x-goog-api-key', 'Api-Key'],
    },
    upstreamUrl: raw.url,
  })
})
afterAll(async () => {
  await shop.close()
  await raw.stop()
})

function routeTo(service: string) {
  return {
    ...{ method: 'POST', path: `/v1/${service}`, summary: 'x', permission: 'search' },
    ...{ service, upstreamPath: '/x', request: { json: {} } },
    price: { per: 'request', credits: 1 },
  }
}

/** Sends a search with these headers, to which the upstream responds with those; returns what each side got. */
async function cross(
  clients: readonly string[],
  services: readonly string[] = [],
  path = '/v1/search?debug=a%2Fb&x=1',
) {
  raw.respond((socket) =>
    socket.write(['HTTP/1.1 200 OK', 'Content-Length: 2', ...services, '', '{}'].join('\r\n')),
  )
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: gateway.test',
    'Content-Type: application/json',
    'Content-Length: 13',
    ...clients,
  ]
  const call = rawCall(shop.gateway.url, `${head.join('\r\n')}\r\n\r\n{"query":"q"}`)
  await call.ended()
  call.socket.destroy()
  expect(call.status).toBe(200)
  const [requestLine, ...lines] = (raw.heads.at(-1) ?? '').split('\r\n')
  const toService = new Headers(lines.map((line) => line.split(': ') as [string, string]))
  return { call, requestLine, toService }
}

function lowerName(line: string): string {
  const [name = '', ...rest] = line.split(':')
  return [name.toLowerCase(), ...rest].join(':')
}

const asKey = () => `X-API-Key: ${shop.key.text}`

describe('to the service', () => {
  test('go the configured path, the query as it was sent, and the headers of the client', async () => {
    const language = 'Accept-Language: pt-BR'
    const { requestLine, toService } = await cross([asKey(), language, 'X-Mine: 1'])
    expect(requestLine).toBe('POST /api/v1/search?debug=a%2Fb&x=1 HTTP/1.1')
    expect(toService.get('accept-language')).toBe('pt-BR')
    expect(toService.get('x-mine')).toBe('1')
    expect(toService.get('host')).toBe(new URL(raw.url).host)
  })

  test('goes the id of the call, whatever id the client sent', async () => {
    const { call, toService } = await cross([asKey(), 'X-Request-Id: mine'])
    expect(toService.get('x-request-id')).toBe(call.header('x-request-id') ?? '')
    expect(toService.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
  })

  test.each(['X-API-Key: KEY', 'Authorization: Bearer KEY'])('goes no key: %s', async (shown) => {
    await cross([shown.replace('KEY', shop.key.text), 'Cookie: session=1'])
    expect(raw.heads[0]).not.toContain(shop.key.text)
    expect(raw.heads[0]?.toLowerCase()).not.toContain('cookie')
  })

  test('goes nothing that only the gateway may say, that is about the connection, or would change what is sold', async () => {
    const names = [
      ...['X-Credits-Charged', 'X-Credits-Remaining', 'X-Ledger-Position', 'X-RateLimit-Limit'],
      ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Port', 'X-Real-IP', 'Forwarded'],
      ...['Via', 'Keep-Alive', 'TE', 'Trailer', 'Proxy-Authorization', 'Proxy-Connection'],
      ...['Range', 'If-None-Match', 'If-Modified-Since', 'Idempotency-Key'],
      ...['X-HTTP-Method-Override', 'X-Original-URL', 'X-Rewrite-URL'],
    ]
    const { toService } = await cross([asKey(), ...names.map((name) => `${name}: 1`)])
    expect(names.filter((name) => toService.has(name))).toEqual([])
  })

  test('goes nothing that Connection names', async () => {
    const clients = [asKey(), 'Connection: keep-alive, X-Hop , x-request-id', 'X-Hop: 1']
    const { call, toService } = await cross(clients)
    expect(toService.has('x-hop')).toBe(false)
    expect(toService.get('x-request-id')).toBe(call.header('x-request-id') ?? '')
  })

  test.each([
    ...['Remote-User', 'Remote_User', 'Remote.User', 'X-Auth-Request-Email', 'X-Remote-User'],
    ...[
      'X-Consumer-ID',
      'X-Credential-Identifier',
      'X-Anonymous-Consumer',
      'X-Authenticated-Userid',
    ],
    ...['X-Amzn-Oidc-Identity', 'X-Goog-Authenticated-User-Email', 'X-Goog-IAP-JWT-Assertion'],
    ...['X-MS-CLIENT-PRINCIPAL-ID', 'X-MS-TOKEN-AAD-ACCESS-TOKEN', 'X-Endpoint-API-UserInfo'],
    ...['X-WEBAUTH-USER', 'Tailscale-User-Login', 'X-User-Id', 'X-User', 'X-Tenant-Id', 'SM_USER'],
    ...['X-Scope-OrgID', 'Impersonate-User', 'X-authentik-username', 'X-Pomerium-Jwt-Assertion'],
    ...['SSL_CLIENT_S_DN', 'X-SSL-Client-Cert', 'X-Client-Cert', 'Client-Cert', 'X-Client-Verify'],
    ...['X-Account-Id', 'x_account_id', 'X-Owner-Id', 'X-Key-Id', 'X-Plan'],
    ...['X-Forwarded', 'X-Forwarded-User', 'X_Forwarded_For', 'X-Forwarded-Client-Cert'],
    ...['True-Client-IP', 'CF-Connecting-IP', 'CF-Access-Jwt-Assertion', 'Fastly-Client-IP'],
    ...['X-Cluster-Client-IP', 'X-Client-IP', 'X_Real_IP', 'WL-Proxy-Client-IP', 'Fly-Client-IP'],
    ...['X-Envoy-External-Address', 'X-Envoy-Upstream-Rq-Timeout-Ms', 'X-Appengine-User-Email'],
    ...['X-Original-URI', 'X-Original-Method', 'X-Originating-IP', 'X-Rewrite-URL', 'CDN-Loop'],
    ...['X-HTTP-Method', 'X_HTTP_Method_Override', 'X-Method-Override', 'X-Middleware-Subrequest'],
    ...[
      'X-Accel-Redirect',
      'X-Accel-Mapping',
      'X-Sendfile',
      'X-Sendfile-Type',
      'Surrogate-Control',
    ],
    ...['Proxy', 'Proxy-Authorization', 'X-Proxy-User', 'Front-End-Https', 'Cookie2'],
  ])('goes no %s: it is what some proxy says', async (name) => {
    const { call } = await cross([asKey(), `${name}: forged`, 'X-Mine: 1'])
    expect(raw.heads.at(-1)).not.toContain('forged')
    expect(raw.heads.at(-1)).toContain(shop.account.accountId)
    expect(call.status).toBe(200)
  })

  test('goes all else, byte for byte', async () => {
    const clients = [
      ...['Accept: application/json', 'User-Agent: sdk/1.2 (x)', 'Prefer: respond-async'],
      ...['X-User-Agent: grpc-web', 'x-ms-version: 2024-01-01', 'OpenAI-Organization: org'],
      ...['traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'X-B3-Flags: 1'],
    ]
    const { call } = await cross([asKey(), ...clients])
    const sent = (raw.heads.at(-1) ?? '').split('\r\n').slice(1).map(lowerName).sort()
    expect(sent).toEqual(
      [
        ...clients.map(lowerName),
        ...['connection: keep-alive', `host: ${new URL(raw.url).host}`],
        ...['content-type: application/json', 'content-length: 13'],
        ...[`x-account-id: ${shop.account.accountId}`, `x-owner-id: ${shop.account.owner.id}`],
        ...[`x-key-id: ${shop.key.keyId}`, 'x-plan: pro'],
        `x-request-id: ${call.header('x-request-id')}`,
      ].sort(),
    )
  })

  test('goes who calls, as the service names it, whatever the client says', async () => {
    const forged = [
      ...['X-Consumer-ID: x', 'X_Consumer_Custom_ID: x', 'Tenant: x', 'tenant: y', 'X-My-Key: x'],
      'Connection: x-consumer-id, x-credential-identifier',
    ]
    const said = async (service: string) => {
      await cross([asKey(), ...forged], [], `/v1/${service}`)
      const lines = (raw.heads.at(-1) ?? '').split('\r\n').map(lowerName)
      return lines
        .filter((line) => /^(x[-_](consumer|credential|my|account)|tenant)/.test(line))
        .sort()
    }
    const { accountId: id } = shop.account
    const owner = shop.account.owner.id
    expect(await said('kong')).toEqual([
      'tenant: x, y',
      ...[`x-consumer-custom-id: ${owner}`, 'x-consumer-groups: pro', `x-consumer-id: ${id}`],
      ...[`x-consumer-username: ${owner}`, `x-credential-identifier: ${shop.key.keyId}`],
      'x-my-key: x',
    ])
    // What another service would say of itself is the client's to send.
    expect(await said('silent')).toEqual(['tenant: x, y', 'x-my-key: x'])
    expect(await said('named')).toEqual([`tenant: ${id}`, `x_my_key: ${shop.key.keyId}`])
  })

  test.each([
    ['auth0|5f7c8ec7', 'auth0|5f7c8ec7'],
    ['anna@example.com', 'anna@example.com'],
    ['a b', 'a%20b'],
    ['a%20b', 'a%2520b'],
    ['a, b', 'a%2C%20b'],
    ['a"b;c', 'a%22b%3Bc'],
    ['a\r\nX-Plan: enterprise', 'a%0D%0AX-Plan%3A%20enterprise'],
    ['Jürgen 😀', 'J%C3%BCrgen%20%F0%9F%98%80'],
  ])("goes an owner's id that no reader takes for more: %p", async (id, sent) => {
    const owner = { kind: 'user', id: `${id}~${crypto.randomUUID()}` } as const
    const key = await shop.ledger.key(await shop.ledger.account({ plan: 'pro', owner }))
    const { toService } = await cross([`X-API-Key: ${key.text}`])
    const text = toService.get('x-owner-id') ?? ''
    expect(text).toStartWith(`${sent}~`)
    expect(decodeURIComponent(text)).toBe(owner.id)
    expect(toService.get('x-plan')).toBe('pro')
  })

  test('goes only what the service lists, where it does', async () => {
    const clients = ['Accept: text/plain', 'Prefer: wait=5', 'X-Mine: 1', 'X-Other: 1']
    const { toService } = await cross([asKey(), ...clients], [], '/v1/few')
    expect(toService.get('accept')).toBe('text/plain')
    expect(toService.get('prefer')).toBe('wait=5')
    expect(toService.get('x-mine')).toBe('1')
    expect(toService.get('content-type')).toBe('application/json')
    for (const name of ['x-other', 'x-account-id', 'accept-encoding']) {
      expect([name, toService.has(name)]).toEqual([name, false])
    }
  })

  test.each(['x-goog-api-key: KEY', 'API-Key: KEY'])(
    "goes no key in a provider's own header, which is read: %s",
    async (shown) => {
      await cross([shown.replace('KEY', shop.key.text)])
      expect(raw.heads[0]).not.toContain(shop.key.text)
      await cross([asKey(), 'x_goog_api_key: theirs'])
      expect(raw.heads[0]).not.toContain('theirs')
    },
  )

  test('and the API documentation says where a key may stand', async () => {
    const document = (await (await shop.fetch('/docs/json')).json()) as {
      paths: Record<string, { post: { security: object[] } }>
      components: { securitySchemes: Record<string, { name?: string }> }
    }
    expect(document.paths['/v1/search']?.post.security).toContainEqual({ 'apiKey.api-key': [] })
    expect(document.components.securitySchemes['apiKey.x-goog-api-key']?.name).toBe(
      'x-goog-api-key',
    )
  })

  test('goes the wish for compression as the client has it, and none of our own', async () => {
    expect((await cross([asKey()])).toService.has('accept-encoding')).toBe(false)
    const wish = await cross([asKey(), 'Accept-Encoding: br'])
    expect(wish.toService.get('accept-encoding')).toBe('br')
  })
})

describe('to the client', () => {
  test('come the headers of the service', async () => {
    const services = ['Content-Type: application/json', 'X-Voice: one', 'Cache-Control: no-cache']
    const { call } = await cross([asKey()], services)
    expect(call.header('x-voice')).toBe('one')
    expect(call.header('cache-control')).toBe('no-cache')
    expect(call.header('content-type')).toBe('application/json')
  })

  test('comes nothing that only the gateway may say, that sets state, or that is about the connection', async () => {
    const { call } = await cross(
      [asKey()],
      [
        ...['X-Credits-Charged: 0', 'X-Credits-Remaining: 7', 'X-Ledger-Position: 9-9'],
        ...['X-Request-Id: theirs', 'X-RateLimit-Limit: 1', 'RateLimit: "x";r=0'],
        ...['X-RateLimit-Degraded: true', 'X-Error-Source: upstream', 'Set-Cookie: a=1'],
        ...['Access-Control-Allow-Origin: *', 'Alt-Svc: h3=":1"', 'Keep-Alive: timeout=1'],
        ...['Connection: keep-alive, X-Hop', 'X-Hop: 1', 'Proxy-Authenticate: Basic'],
      ],
    )
    expect(call.header('x-credits-charged')).toBe('1')
    expect(call.header('x-credits-remaining')).not.toBe('7')
    expect(call.header('x-ledger-position')).not.toBe('9-9')
    expect(call.header('x-request-id')).not.toBe('theirs')
    expect(call.header('x-ratelimit-limit')).toBe('1000000')
    for (const name of [
      ...['x-ratelimit-degraded', 'x-error-source', 'set-cookie', 'access-control-allow-origin'],
      ...['alt-svc', 'keep-alive', 'x-hop', 'proxy-authenticate'],
    ]) {
      expect([name, call.header(name)]).toEqual([name, undefined])
    }
  })
})
