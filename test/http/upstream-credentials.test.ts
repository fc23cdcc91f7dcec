/**
 * The credentials of upstreams: they reach the upstream and nobody else. A real `tollbook serve` logs everything it can
 * here, while its upstream breaks in every way.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { parseConfig } from '../../src/config/load-config.ts'
import { tariffOf } from '../../src/config/tariff.ts'
import { runCli } from '../support/cli.ts'
import { rawCall } from '../support/raw-client.ts'
import { type ServeProcess, startServe } from '../support/serve-process.ts'
import { openShop } from '../support/shop.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'
import { type RawUpstream, startRawUpstream, startUpstream } from '../support/upstream.ts'

const env = {
  GEO_TOKEN: 'tok-Secret/Of+Geo=1',
  GEO_APP: 'app-Secret&Of=Geo 2',
  GEO_TEST_TOKEN: 'tok-secret-of-tests',
}
const secrets = Object.values(env).flatMap((secret) => [secret, encodeURIComponent(secret)])

const route = (path: string, more: object = {}) => ({
  ...{ method: 'POST', path, summary: 'x', service: 'geo', upstreamPath: '/places' },
  ...{ request: { json: {} }, price: { per: 'request', credits: 1 }, ...more },
})

function configFor(url: string) {
  return {
    services: {
      geo: {
        ...{ url, testUrl: url },
        headers: {
          Authorization: { env: 'GEO_TOKEN', testEnv: 'GEO_TEST_TOKEN', prefix: 'Bearer ' },
          'X-Api-Version': { value: '2026-01' },
        },
        query: { appid: { env: 'GEO_APP', testEnv: 'GEO_APP' } },
      },
      unused: { url, headers: { Authorization: { env: 'NOT_SET_AND_NOT_NEEDED' } } },
    },
    plans: {
      pro: {
        ...{ rateLimit: 100_000, windowMs: 60_000, credits: 100_000, maxInFlight: 50 },
        ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
      },
    },
    defaultPlan: 'pro',
    routes: {
      geo: route('/v1/places', { query: 'any' }),
      'geo-stream': route('/v1/places/stream', {
        price: {
          ...{ per: 'token', unit: 1, credits: 1 },
          hold: { bytesPerToken: 4, limit: ['/max'], most: 16, step: 4 },
          settle: { usage: '/usage', each: ['/token'] },
        },
      }),
      'geo-free': {
        ...{ method: 'GET', path: '/v1/places/free', summary: 'x', service: 'geo' },
        ...{ upstreamPath: '/free', price: { per: 'free' } },
      },
    },
  }
}

let raw: RawUpstream
let ledger: Ledger
let gateway: ServeProcess
let key: TestKey
let file: string
const folder = mkdtempSync(join(tmpdir(), 'tollbook-credentials-'))

beforeAll(async () => {
  raw = await startRawUpstream()
  const text = stringify(configFor(raw.url))
  file = join(folder, 'tollbook.yaml')
  await Bun.write(file, text)
  const config = parseConfig({ text, source: file, env: {} })
  ledger = await openLedger({ tariff: tariffOf(config) })
  key = await ledger.key(await ledger.account({ plan: 'pro' }))
  gateway = await startServe(
    {
      ...{
        DATABASE_URL: ledger.url,
        JWT_SECRET: 'the secret of the credentials test, long',
        LOG_LEVEL: 'trace',
      },
      ...env,
    },
    { cwd: folder },
  )
})

afterAll(async () => {
  await gateway.stop()
  await raw.stop()
  await ledger.close()
  rmSync(folder, { recursive: true })
})

async function call(path: string, { as = key, query = '' } = {}) {
  const isGet = path.endsWith('free')
  return fetch(`${gateway.url}${path}${query}`, {
    method: isGet ? 'GET' : 'POST',
    headers: { 'x-api-key': as.text, ...(!isGet && { 'content-type': 'application/json' }) },
    ...(!isGet && { body: '{"max": 8}' }),
  })
}

const whole = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

describe('an upstream gets its credentials', () => {
  test('in the header and the query that its service names, beside what is no secret', async () => {
    raw.respond((socket) => void socket.write(whole('{}')))
    expect((await call('/v1/places', { query: '?q=a%2Fb' })).status).toBe(200)
    const head = raw.heads.at(-1) ?? ''
    expect(head).toStartWith(
      `POST /places?q=a%2Fb&appid=${encodeURIComponent(env.GEO_APP)} HTTP/1.1`,
    )
    expect(head).toMatch(
      new RegExp(`^authorization: Bearer ${RegExp.escape(env.GEO_TOKEN)}$`, 'im'),
    )
    expect(head).toMatch(/^x-api-version: 2026-01$/im)
  })

  test('those for its test address with the calls of test keys', async () => {
    const testKey = await ledger.key(key.account, { mode: 'test' })
    raw.respond((socket) => void socket.write(whole('{}')))
    expect((await call('/v1/places', { as: testKey })).status).toBe(200)
    expect(raw.heads.at(-1)).toContain(env.GEO_TEST_TOKEN)
    expect(raw.heads.at(-1)).not.toContain(env.GEO_TOKEN)
  })

  test.each([
    ...['?appid=mine', '?a=1&appid=mine&b=2', '?APPID=mine', '?%61ppid=mine', '?appid[]=mine'],
    ...[
      '?appid%5B0%5D=mine',
      '?a=1;appid=mine',
      '?+appid=mine',
      '?appid=mine&appid=mine',
      '?appid&x=mine;appid',
    ],
  ])('and none of the client: %s', async (query) => {
    raw.respond((socket) => void socket.write(whole('{}')))
    const { status } = await call('/v1/places', { query })
    // What no reader could agree on is refused anyway.
    if (status === 400) return expect(raw.heads).toHaveLength(0)
    expect(status).toBe(200)
    const target = /^POST (\S+)/.exec(raw.heads.at(-1) ?? '')?.[1] ?? ''
    expect(target).not.toContain('mine')
    expect(target.match(/appid/gi)).toHaveLength(1)
  })

  test('a client can send neither', async () => {
    raw.respond((socket) => void socket.write(whole('{}')))
    const forged = [
      'Authorization: Bearer forged',
      'X_Api_Version: forged',
      'X-API-Version: forged',
    ]
    const head = [
      ...['POST /v1/places HTTP/1.1', 'Host: x', `X-API-Key: ${key.text}`, ...forged],
      ...['Content-Type: application/json', 'Content-Length: 2', '', '{}'],
    ]
    const sent = rawCall(gateway.url, head.join('\r\n'))
    await sent.ended()
    sent.socket.destroy()
    expect(sent.status).toBe(200)
    expect(raw.heads.at(-1)).not.toContain('forged')
  })
})

describe('nobody else reads them', () => {
  test('not in a header of a response, in its value or its name, however it is encoded', async () => {
    const secret = env.GEO_TOKEN
    const base64 = Buffer.from(`geo:${secret}`).toString('base64')
    const lines = [
      ...[`X-Plain: ${secret}`, `X-Upper: a ${secret.toUpperCase()}`, `X-Base64: Basic ${base64}`],
      `X-Url: /a?b=${encodeURIComponent(env.GEO_APP)}`,
      `X-Twice: ${encodeURIComponent(encodeURIComponent(secret))}`,
      `X-Hex: ${Buffer.from(secret).toString('hex')}`,
      `X-${Buffer.from(secret).toString('hex')}: in-a-name`,
      ...['X-Other: tok-Secret', 'X-Url-Other: /a?b=%27%2B'],
    ]
    raw.respond(
      (socket) =>
        void socket.write(
          `HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\nContent-Length: 2\r\n\r\n{}`,
        ),
    )
    const { headers } = await call('/v1/places')
    const theirs = [...headers.keys()].filter((name) =>
      /^x-(?!credits|ledger|ratelimit|request)/.test(name),
    )
    expect(theirs.sort()).toEqual(['x-other', 'x-url-other'])
  })

  test('not in responses, the API documentation or the log, however the upstream breaks', async () => {
    const responses: string[] = []
    const breaks: ((socket: import('node:net').Socket) => void)[] = [
      (socket) => socket.destroy(),
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Le'),
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
      (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\nhalf'),
      (socket) =>
        void socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(200_000)}`),
      (socket) =>
        void socket.end(
          'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n12\r\ndata: {"token":1}\n\r\n',
        ),
      (socket) => void socket.write(whole('no JSON')),
      (socket) => void socket.end('SSH-2.0\r\n\r\n'),
      (socket) =>
        void socket.write('HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n'),
    ]
    for (const script of breaks) {
      for (const path of ['/v1/places', '/v1/places/stream', '/v1/places/free']) {
        raw.respond(script)
        const response = await call(path)
        responses.push(JSON.stringify([...response.headers]))
        responses.push(await response.text().catch(String))
      }
    }
    for (const path of [
      '/docs/json',
      '/docs',
      '/ready',
      '/v1/prices',
      '/v1/key',
      '/openapi.json',
    ]) {
      const response = await fetch(gateway.url + path, { headers: { 'x-api-key': key.text } })
      responses.push(await response.text())
    }
    for (const secret of secrets) {
      expect(responses.join('\n')).not.toContain(secret)
      expect(gateway.printed).not.toContain(secret)
    }
    // Something was logged that could have said it.
    expect(gateway.printed).toContain('broke off')
  })

  test('not in the list of processes, nor in what config check and doctor print', async () => {
    const lists = Bun.spawnSync([
      'sh',
      '-c',
      'cat /proc/[0-9]*/cmdline 2>/dev/null',
    ]).stdout.toString()
    const check = await runCli(['config', 'check', file], { env })
    const checked = await runCli(['config', 'check', file, '--json'], { env })
    const doctor = await runCli(['doctor', '--config', file], { database: ledger.url, env })
    expect(check.status).toBe(0)
    expect(check.stdout).toContain('Authorization, X-Api-Version, ?appid')
    expect(doctor.stdout).toContain('upstream geo')
    const printed = [lists, check.stdout, checked.stdout, doctor.stdout, doctor.stderr]
    for (const secret of secrets) expect(printed.join('\n')).not.toContain(secret)
  })
})

describe('doctor', () => {
  async function upstreamFindings(services: object, env: Record<string, string>) {
    const { services: base, ...config } = configFor('http://127.0.0.1:1')
    const path = join(folder, 'doctor.yaml')
    const geo = { ...base.geo, testUrl: undefined, ...services }
    for (const field of Object.values({ ...geo.headers, ...geo.query })) {
      if ('testEnv' in field && geo.testUrl === undefined) field.testEnv = undefined as never
    }
    await Bun.write(
      path,
      stringify({ ...config, services: { geo: JSON.parse(JSON.stringify(geo)) } }),
    )
    const { stdout } = await runCli(['doctor', '--json', '--config', path], {
      ...{ database: ledger.url, env },
    })
    return (
      JSON.parse(stdout).findings as { check: string; status: string; found: string }[]
    ).filter(({ check }) => check.startsWith('upstream'))
  }

  test('asks each address with the credentials, and says when they are refused', async () => {
    using good = Bun.serve({
      ...{ port: 0, hostname: '127.0.0.1' },
      fetch: ({ url, headers }) => {
        const isAllowed =
          headers.get('authorization') === `Bearer ${env.GEO_TOKEN}` &&
          new URL(url).searchParams.get('appid') === env.GEO_APP
        return new Response('', { status: isAllowed ? 404 : 401 })
      },
    })
    const targets = [`http://127.0.0.1:${good.port}/x`, 'http://127.0.0.1:1']
    const found = await upstreamFindings({ url: undefined, targets }, env)
    expect(found.map(({ check, status }) => [check, status])).toEqual([
      ['upstream geo 1', 'ok'],
      ['upstream geo 2', 'problem'],
    ])
    const wrong = { ...env, GEO_TOKEN: 'another' }
    const refused = await upstreamFindings({ url: targets[0] }, wrong)
    expect(refused).toMatchObject([{ status: 'warning', found: expect.stringContaining('401') }])
  })

  test('asks the address for test keys with the secret for it', async () => {
    const seen: (string | null)[] = []
    using test = Bun.serve({
      ...{ port: 0, hostname: '127.0.0.1' },
      fetch: ({ headers }) => {
        seen.push(headers.get('authorization'))
        return new Response('')
      },
    })
    const testUrl = `http://127.0.0.1:${test.port}`
    const found = await upstreamFindings({ testUrl }, env)
    expect(found.map(({ check, status }) => [check, status])).toEqual([
      ['upstream geo', 'problem'],
      ['upstream geo for test keys', 'ok'],
    ])
    expect(seen).toEqual([`Bearer ${env.GEO_TEST_TOKEN}`])
  })

  test('names the variable that is missing', async () => {
    const [found] = await upstreamFindings({}, { GEO_APP: 'x' })
    expect(found).toMatchObject({ status: 'problem' })
    expect(found?.found).toContain('GEO_TOKEN')
  })
})

describe('a credential that is missing', () => {
  test('keeps the gateway from starting and fails config check, by its name', async () => {
    const { GEO_APP: _, ...rest } = env
    const serve = await startServe(
      { DATABASE_URL: ledger.url, JWT_SECRET: 'the secret of the credentials test, long', ...rest },
      { cwd: folder },
    ).catch((error: Error) => error.message)
    expect(serve).toContain('services.geo.query.appid: no credential, set GEO_APP')
    expect(serve).not.toContain('NOT_NEEDED')
    const check = await runCli(['config', 'check', file], { env: rest })
    expect(check.status).not.toBe(0)
    expect(check.stderr).toContain('set GEO_APP')
  })

  test('that is too short to be kept out of logs keeps the gateway from starting', async () => {
    const check = await runCli(['config', 'check', file], { env: { ...env, GEO_APP: 'short' } })
    expect(check.status).not.toBe(0)
    expect(check.stderr).toContain('services.geo.query.appid: GEO_APP is shorter than 6 characters')
    expect(check.stderr).not.toContain("'short'")
  })

  test('is not needed where a demo stands in, which is sent none that is there', async () => {
    const demo = startUpstream()
    const shop = await openShop({
      config: {
        services: {
          search: {
            headers: { Authorization: { env: 'GEO_TOKEN' }, 'X-Value': { value: 'plain' } },
            query: { appid: { env: 'GEO_APP' } },
          },
        },
      },
      demoUrls: Object.fromEntries(
        ['search', 'stt', 'tts', 'chat'].map((name) => [name, demo.url]),
      ),
      env: { GEO_TOKEN: env.GEO_TOKEN },
    })
    expect((await shop.post('/v1/search', { query: 'q' })).status).toBe(200)
    const [sent] = demo.executed
    expect(sent?.headers.has('authorization')).toBe(false)
    expect(sent?.headers.has('x-value')).toBe(false)
    expect(sent?.target).toBe('/api/v1/search')
    await shop.close()
    await demo.stop()
  })
})
