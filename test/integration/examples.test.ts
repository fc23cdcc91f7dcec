/** Each file of examples/, started as its first lines say, and called with the line that `up` prints. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exampleCall } from '../../src/cli/up/example-call.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { startCli } from '../support/cli.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const root = join(import.meta.dir, '../..')
const names = [...new Bun.Glob('*.yaml').scanSync(join(root, 'examples'))].map((file) =>
  file.replace('.yaml', ''),
)

const folder = mkdtempSync(join(tmpdir(), 'tollbook-examples-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Started {
  readonly url: string
  call(path: string, init?: RequestInit): Promise<Response>
  /** Runs the printed line in a shell; the response's head and body. */
  printed(): Promise<{ readonly status: number; readonly headers: Headers; readonly body: string }>
}

/** Everything of one example, until `stop`. */
async function startExample(name: string, env: Readonly<Record<string, string>> = {}) {
  const database: TestDatabase = await createDatabase()
  const config = join(root, 'examples', `${name}.yaml`)
  const data = mkdtempSync(join(folder, 'data-'))
  const up = startCli(['up', '--config', config, '--data', data, '--port', '0', '--json'], {
    env: { ...env, DATABASE_URL: database.url, METRICS_PORT: 'off' },
  })
  const { value } = await up.stdout.getReader().read()
  if (!value) throw new Error(await new Response(up.stderr).text())
  const { url, apiKey } = JSON.parse(new TextDecoder().decode(value))
  const started: Started = {
    url,
    call(path, init = {}) {
      const headers = new Headers(init.headers)
      headers.set('X-API-Key', apiKey)
      return fetch(url + path, { ...init, headers })
    },
    async printed() {
      const line = exampleCall(loadConfig({ file: config, env }), url, apiKey) ?? 'no line'
      const ran = Bun.spawn(['sh', '-c', line], { cwd: folder, stdout: 'pipe', stderr: 'pipe' })
      return parseResponse(await new Response(ran.stdout).text())
    },
  }
  return {
    started,
    async stop() {
      up.kill('SIGINT')
      await up.exited
      await database.drop()
    },
  }
}

function parseResponse(text: string) {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = new Headers(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    }),
  )
  return { status: Number(first.split(' ')[1]), headers, body: rest.join('\r\n\r\n') }
}

const charged = ({ headers }: { readonly headers: Headers }) => headers.get('X-Credits-Charged')
const json = (body: unknown, method = 'POST'): RequestInit => ({
  method,
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
})

/** What the printed line costs, and what else is special about each example. */
const examples: Readonly<Record<string, [string, (started: Started) => Promise<void>]>> = {
  translate: [
    '2',
    async ({ call }) => {
      const long = { text: 'ä'.repeat(1_001), target: 'en' }
      expect(charged(await call('/v1/translate', json(long)))).toBe('4')
      const unknown = await call('/v1/translate', json({ text: 'a', target: 'en', model: 'x' }))
      expect(unknown.status).toBe(400)
    },
  ],
  geocode: [
    '1',
    async ({ call }) => {
      const found = await call('/v1/geocode?lang=de&q=Unter+den%20Linden')
      expect((await found.json()).path).toBe('/v1/geocode?lang=de&q=Unter%20den%20Linden')
      const refused = await call('/v1/geocode?q=a&lang=fr&key=1')
      expect(refused.status).toBe(400)
      expect(charged(refused)).toBe('0')
    },
  ],
  images: [
    '45',
    async ({ call }) => {
      const paint = (model: string, n: number) =>
        call('/v1/images', json({ model, prompt: 'a', n }))
      expect(charged(await paint('fine', 4))).toBe('85')
      expect(charged(await paint('draft', 4))).toBe('21')
      expect((await paint('fine', 5)).status).toBe(400)
      expect((await paint('coarse', 1)).status).toBe(400)
    },
  ],
  pixels: [
    // 2 × 1,000 × 501 pixels cost 15,030; the base 20,000.
    '35030',
    async ({ call }) => {
      const paint = (n: number, width: number, height: number) =>
        call('/v1/pictures', json({ prompt: 'a', n, width, height }))
      expect(charged(await paint(4, 2_048, 2_048))).toBe('271659')
      expect(charged(await paint(1, 64, 64))).toBe('20062')
      expect((await paint(1, 64, 4_096)).status).toBe(400)
    },
  ],
  plans: [
    '1',
    async ({ call }) => {
      // Three to try, of which the printed line took one.
      expect(charged(await call('/v1/search?q=toll'))).toBe('1')
      expect(charged(await call('/v1/search?q=roads'))).toBe('1')
      expect((await call('/v1/search?q=more')).status).toBe(402)
    },
  ],
  jobs: [
    '5',
    async ({ call }) => {
      const { id } = await (await call('/v1/jobs', json({ work: 1 }))).json()
      const looks: Response[] = []
      // More often than the plan allows calls in a minute.
      for (let n = 0; n < 12; n++) looks.push(await call(`/v1/jobs/${id}`))
      expect(looks.map(({ status }) => status)).toEqual(Array(12).fill(200))
      expect(await looks.at(-1)?.json()).toMatchObject({ state: 'done' })
      expect((await call('/v1/jobs', json({}))).status).toBe(202)
    },
  ],
  documents: [
    '2',
    async ({ call }) => {
      const path = '/v1/documents/b'
      expect((await call(path)).status).toBe(404)
      expect(charged(await call(path, json({ hello: 1 }, 'PUT')))).toBe('2')
      const read = await call(path)
      expect([charged(read), await read.json()]).toEqual(['1', { hello: 1 }])
      expect(read.headers.get('Cache-Control')).toBe('private, max-age=60')
      const head = await call(path, { method: 'HEAD' })
      expect([head.status, charged(head), await head.text()]).toEqual([200, '1', ''])
      const tag = read.headers.get('ETag') ?? ''
      const same = await call(path, { headers: { 'If-None-Match': tag } })
      expect([same.status, charged(same)]).toEqual([304, '0'])
      expect((await call(path, { method: 'DELETE' })).status).toBe(204)
      expect((await call(path)).status).toBe(404)
      expect((await call('/v1/documents/NOT-AN-ID')).status).toBe(400)
    },
  ],
  files: [
    '1',
    async ({ call }) => {
      const file = { method: 'PUT', body: 'x'.repeat(65_537) }
      expect((await call('/v1/files/a/b/c.txt', file)).status).toBe(201)
      const read = await call('/v1/files/a/b/c.txt')
      expect((await read.text()).length).toBe(65_537)
      const position = read.headers.get('X-Request-Id')
      const charge = await (await call(`/v1/charges/${position}`)).json()
      expect(charge.credits).toBe(2)
    },
  ],
  chat: [
    // Two tokens at 0.15 and two at 0.6.
    '2',
    async ({ call }) => {
      const ask = { model: 'large', messages: [{ role: 'user', content: 'Hello' }], stream: true }
      const stream = await call('/v1/chat/completions', json(ask))
      expect(await stream.text()).toContain('[DONE]')
      expect((await call('/v1/chat/completions', json({ ...ask, model: 'huge' }))).status).toBe(400)
      const models = await (await call('/v1/models')).json()
      expect(models.data.map(({ id }: { id: string }) => id)).toEqual(['small', 'large'])
    },
  ],
  messages: [
    // Two tokens at 0.8 and two at 4.
    '10',
    async ({ call }) => {
      const messages = [{ role: 'user', content: 'one two three four' }]
      const system = [{ text: 'Be brief now.', cache_control: {} }]
      const ask = { model: 'large', max_tokens: 100, messages, system }
      // Four tokens at 3 and three from the cache at 0.3; four at 15.
      expect(charged(await call('/v1/messages', json(ask)))).toBe('73')
      const stream = await call('/v1/messages', json({ ...ask, stream: true }))
      expect(await stream.text()).toContain('message_stop')
      const refused = await call('/v1/messages', json({ ...ask, model: 'huge' }))
      expect((await refused.json()).error.type).toBe('invalid_request_error')
    },
  ],
  gemini: [
    // Two tokens at 0.3 and two at 2.5.
    '6',
    async ({ call }) => {
      const ask = json({ contents: [{ parts: [{ text: 'one two three four' }] }] })
      expect(charged(await call('/v1beta/models/large:generateContent', ask))).toBe('45')
      const stream = await call('/v1beta/models/large:streamGenerateContent?alt=sse', ask)
      expect(await stream.text()).toContain('"finishReason":"STOP"')
      const refused = await call('/v1beta/models/huge:generateContent', ask)
      expect((await refused.json()).error.status).toBe('INVALID_ARGUMENT')
    },
  ],
  search: [
    '3',
    async ({ call }) => {
      const response = await call('/v1/search?q=a')
      expect(charged(response)).toBe('3')
      const id = response.headers.get('X-Request-Id')
      expect((await (await call(`/v1/charges/${id}`)).json()).volume).toBe(1)
    },
  ],
  speech: [
    '1000',
    async ({ call }) => {
      expect(charged(await call('/v1/speak', json({ text: 'a'.repeat(2_400) })))).toBe('3000')
      const { current } = await (await call('/v1/prices')).json()
      const { speak } = current.plans.enterprise.prices
      expect(speak).toEqual({
        ...{ per: 'character', unit: 1_000, credits: 800 },
        hold: { text: '/text' },
      })
    },
  ],
  uploads: [
    '2',
    async ({ call }) => {
      const put = (type: string) =>
        call('/v1/pictures/a.png', { method: 'PUT', headers: { 'Content-Type': type }, body: 'x' })
      expect(charged(await put('image/png'))).toBe('1')
      expect((await put('text/html')).status).toBe(415)
    },
  ],
  form: [
    '3',
    async ({ call }) => {
      const send = (fields: Record<string, string>) =>
        call('/v1/messages', { method: 'POST', body: new URLSearchParams(fields) })
      const to = 'ann@example.com'
      expect(charged(await send({ to, text: 'a'.repeat(161), urgent: 'true' }))).toBe('6')
      expect((await send({ to, text: 'a', urgent: 'yes' })).status).toBe(400)
    },
  ],
  'third-party': [
    '1',
    async ({ call }) => {
      const { path, headers } = await (await call('/v1/weather/K%C3%B6ln?units=metric')).json()
      expect(path).toBe('/data/3.0/K%C3%B6ln?units=metric')
      // A demo gets neither the token nor who calls.
      expect(
        Object.keys(headers).filter((name) => /authorization|account|owner/.test(name)),
      ).toEqual([])
    },
  ],
  rpc: [
    '1',
    async ({ call }) => {
      const unknown = { jsonrpc: '2.0', id: 1, method: 'stop_everything' }
      expect((await call('/rpc', json(unknown))).status).toBe(400)
    },
  ],
}

test('every example is called here', () => {
  expect(Object.keys(examples).toSorted()).toEqual(names.toSorted())
})

test('every example is explained, with what a call was charged', () => {
  const page = readFileSync(join(root, 'docs/PRICES.md'), 'utf8')
  expect(
    names.filter((name) => !page.includes(`\n| [${name}](../examples/${name}.yaml) |`)),
  ).toEqual([])
})

describe.each(names)('%s', (name) => {
  let example: Awaited<ReturnType<typeof startExample>>
  beforeAll(async () => {
    // What the printed line of uploads sends.
    writeFileSync(join(folder, 'FILE'), 'x'.repeat(65_537))
    // The demo stands in, so these are sent to nobody.
    example = await startExample(name, {
      ...{ WEATHER_TOKEN: 'secret', WEATHER_APP: 'secret' },
      ...{ MESSAGES_TOKEN: 'secret', GEMINI_TOKEN: 'secret' },
    })
  })
  afterAll(async () => {
    await example.stop()
  })

  test('is started by one command, and called with the line that it prints', async () => {
    const response = await example.started.printed()
    expect(response.status).toBeWithin(200, 300)
    if (name !== 'files') expect(charged(response)).toBe(examples[name]?.[0] ?? 'none')
  })

  test('does what it says', async () => {
    await examples[name]?.[1](example.started)
  })
})

describe('in front of a service of one’s own', () => {
  let upstream: Upstream
  beforeAll(() => {
    upstream = startUpstream()
  })
  afterAll(() => upstream.stop())

  test('third-party gets the token, the parameter and the header, and nothing of the client', async () => {
    const env = { WEATHER_URL: upstream.url, WEATHER_TOKEN: 'token-1', WEATHER_APP: 'app-of-2' }
    const example = await startExample('third-party', env)
    try {
      upstream.respond(() => Response.json({ sunny: true }))
      const headers = { Authorization: 'Bearer forged', Cookie: 'a=b', 'X-Other': 'c' }
      const response = await example.started.call('/v1/weather/Berlin?units=metric', { headers })
      expect([response.status, charged(response)]).toEqual([200, '1'])
      const [received] = upstream.executed
      expect(received?.target).toBe('/data/3.0/Berlin?units=metric&appid=app-of-2')
      expect(received?.headers.get('authorization')).toBe('Bearer token-1')
      expect(received?.headers.get('x-partner')).toBe('tollbook-example')
      for (const name of ['cookie', 'x-other', 'x-api-key', 'x-account-id', 'x-owner-id']) {
        expect(received?.headers.get(name) ?? null).toBeNull()
      }
    } finally {
      await example.stop()
    }
  })

  test('rpc charges no error that comes with status 200', async () => {
    const example = await startExample('rpc', { NODE_URL: upstream.url })
    try {
      const ask = () =>
        example.started.call('/rpc', json({ jsonrpc: '2.0', id: 1, method: 'block_number' }))
      upstream.respond(() => Response.json({ jsonrpc: '2.0', id: 1, error: { code: -32000 } }))
      const failed = await ask()
      expect([failed.status, charged(failed)]).toEqual([200, '0'])
      upstream.respond(() => Response.json({ jsonrpc: '2.0', id: 1, result: '0x1' }))
      expect(charged(await ask())).toBe('1')
    } finally {
      await example.stop()
    }
  })
})
