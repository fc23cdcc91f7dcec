/**
 * /docs in a real browser that can reach this gateway and nothing else: the page is complete, and "Try it out"
 * makes calls that are sold like any other.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { Locator, Page } from 'playwright-core'
import type { DemoUpstream } from '../../src/demo/start-demo-upstream.ts'
import { wavHeader } from '../../src/demo/wav.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import {
  browserProgram,
  startBrowser,
  type TestBrowser,
  type TestPage,
} from '../support/browser.ts'
import { startDemoUpstreams } from '../support/demo-upstreams.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const program = browserProgram()

describe.skipIf(program === undefined)('the page at /docs', () => {
  let demos: Record<string, DemoUpstream>
  let shop: Shop
  let echo: Upstream
  let browser: TestBrowser
  let testPage: TestPage
  let page: Page
  beforeAll(async () => {
    demos = startDemoUpstreams()
    const urls = Object.fromEntries(Object.entries(demos).map(([name, { url }]) => [name, url]))
    echo = startUpstream()
    shop = await openShop({
      dedicatedHolds: true,
      demoUrls: urls,
      config: withParameters(echo.url),
    })
    browser = await startBrowser(program ?? '')
    testPage = await browser.open(`${shop.gateway.url}/docs`)
    page = testPage.page
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.close()
    await echo?.stop()
    await Promise.all(Object.values(demos).map((demo) => demo.stop()))
  })
  // The page sends every request to the gateway and reports no error, whatever a test does on it.
  afterEach(() => {
    expect(new Set(testPage.asked.map((url) => new URL(url).origin))).toEqual(
      new Set([shop.gateway.url]),
    )
    expect(testPage.complaints).toEqual([])
  })

  test('shows every route', async () => {
    const { paths } = await (await fetch(`${shop.gateway.url}/docs/json`)).json()
    const routes = Object.values(paths).flatMap((methods) => Object.keys(methods as object))
    await page.locator('.opblock').first().waitFor()
    expect(await page.locator('.opblock').count()).toBe(routes.length)
    expect(await page.locator('.errors-wrapper').count()).toBe(0)
  })

  test('says why a call is refused', async () => {
    const response = await execute(await open(page, 'get', '/v1/key'))
    expect(await statusIn(response)).toBe('401')
    expect(await response.textContent()).toContain('"code": "missing_key"')
  })

  test('sells a call that is tried with an API key', async () => {
    await authorize(page, 'apiKey', shop.key.text)
    const response = await execute(await open(page, 'post', '/v1/search'))
    expect(await statusIn(response)).toBe('200')
    const headers = await headersIn(response)
    expect(headers['x-credits-charged']).toBe('1')
    const events = await shop.eventsOf(headers['x-request-id'])
    expect(events.map(({ type }) => type)).toEqual(['CreditsHeld', 'HoldSettled'])
  })

  test('sends a file', async () => {
    await authorize(page, 'apiKeyBearer', shop.key.text)
    const route = await open(page, 'post', '/v1/stt/transcribe')
    await route.locator('input[type=file]').setInputFiles({
      name: 'speech.wav',
      mimeType: 'audio/wav',
      buffer: Buffer.concat([wavHeader(800, 8_000), Buffer.alloc(1_600)]),
    })
    const response = await execute(route)
    expect(await statusIn(response)).toBe('200')
    expect(await headersIn(response)).toMatchObject({ 'x-credits-charged': '10' })
  })

  test('plays the audio of a response, which is sold once', async () => {
    await authorize(page, 'apiKey', shop.key.text)
    const response = await execute(await open(page, 'post', '/v1/tts/synthesize'))
    const audio = response.locator('audio')
    expect(await audio.locator('source').getAttribute('src')).toStartWith('blob:')
    await until(() => audio.evaluate((element) => (element as HTMLAudioElement).duration > 0))
    expect(testPage.asked.filter((url) => url.endsWith('/v1/tts/synthesize'))).toHaveLength(1)
  })

  test('sends the parameters of a path and of a query, each as its example', async () => {
    await authorize(page, 'apiKey', shop.key.text)
    const response = await execute(await open(page, 'get', '/v1/documents/{id}'))
    expect(await statusIn(response)).toBe('200')
    const removed = await execute(await open(page, 'delete', '/v1/documents/{id}'))
    expect(await statusIn(removed)).toBe('200')
    const inTree = await execute(await open(page, 'get', '/trees/{path}'))
    expect(await statusIn(inTree)).toBe('200')
    expect(echo.executed.map(({ method, target }) => `${method} ${target}`)).toEqual([
      'GET /v1/documents/a%20b%2Bc?lang=de&tag=x&tag=y&limit=10',
      'DELETE /v1/documents/a%20b%2Bc?lang=de&tag=x&tag=y&limit=10',
      'GET /trees/readme.md',
    ])
  })

  const png = { name: 'a.png', mimeType: 'image/png', buffer: Buffer.from('pixels') }
  /** Sends the request, with a file if there is one; returns what arrived. */
  async function send(method: string, path: string, file?: typeof png) {
    await authorize(page, 'apiKey', shop.key.text)
    echo.respond(() => Response.json({}))
    const route = await open(page, method, path)
    if (file) await route.locator('input[type=file]').first().setInputFiles(file)
    expect(await statusIn(await execute(route))).toBe('200')
    const [executed] = echo.executed
    const text = Buffer.from(executed?.body ?? []).toString()
    return { type: executed?.headers.get('content-type'), text }
  }

  test('sends a form', async () => {
    expect(await send('post', '/v1/translate')).toEqual({
      type: 'application/x-www-form-urlencoded',
      text: 'text=Hello&n=2',
    })
  })

  test('sends a form with files, one of which is not chosen', async () => {
    const { type, text } = await send('post', '/v1/edits', png)
    expect(type).toStartWith('multipart/form-data; boundary=')
    expect(text).toInclude(
      'name="image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\npixels\r\n',
    )
    expect(text).toInclude('name="prompt"\r\n\r\nBluer\r\n')
    expect(text).not.toInclude('mask')
  })

  test.each([
    ['put', '/v1/upload', 'image/png'],
    ['post', '/v1/convert', 'application/octet-stream'],
  ])('sends bytes: %s %s', async (method, path, type) => {
    expect(await send(method, path, png)).toEqual({ type, text: 'pixels' })
  })

  test('issues a key to an owner who signs in', async () => {
    const token = await signToken({ secret: jwtSecret, subject: 'nora', expiresInSeconds: 600 })
    await authorize(page, 'signIn', token)
    const response = await execute(await open(page, 'post', '/api-keys'))
    expect(await statusIn(response)).toBe('201')
    expect(await response.textContent()).toContain('"keyPrefix": "sk_live_')
  })
})

/** Routes whose paths and queries have parameters, to this upstream. */
function withParameters(url: string) {
  const route = { summary: 'x', service: 'echo', price: { per: 'request', credits: 1 } }
  return {
    services: { echo: { url, testUrl: url } },
    routes: {
      document: {
        ...{ ...route, methods: ['GET', 'DELETE'], path: '/v1/documents/{id}' },
        parameters: { id: { examples: ['a b+c'] } },
        query: {
          lang: { enum: ['de', 'en'] },
          tag: { type: 'array', items: { type: 'string' }, examples: [['x', 'y']] },
          limit: { type: 'integer', minimum: 10 },
        },
      },
      tree: {
        ...{ ...route, method: 'GET', path: '/trees/{path*}' },
        parameters: { path: { examples: ['readme.md'] } },
      },
      ...bodies(route),
    },
  }
}

/** Routes with bodies other than JSON. */
function bodies(route: object) {
  const text = (example: string) => ({ type: 'string', examples: [example] })
  return {
    translate: {
      ...{ ...route, method: 'POST', path: '/v1/translate' },
      request: {
        form: { text: text('Hello'), n: { type: 'integer', examples: [2] } },
        required: ['text', 'n'],
      },
    },
    edits: {
      ...{ ...route, method: 'POST', path: '/v1/edits' },
      request: {
        multipart: {
          files: { image: { types: ['image/*'] }, mask: { types: ['image/png'], optional: true } },
          fields: { type: 'object', required: ['prompt'], properties: { prompt: text('Bluer') } },
          maxBytes: 1_000,
        },
      },
    },
    upload: {
      ...{ ...route, method: 'PUT', path: '/v1/upload' },
      ...{ request: { raw: ['image/*'] }, maxBodyBytes: 1_000 },
    },
    convert: { ...route, method: 'POST', path: '/v1/convert', request: 'any' },
  }
}

/** Replaces the key or token under the scheme of this name. */
async function authorize(page: Page, scheme: string, value: string): Promise<void> {
  await page.locator('.scheme-container .authorize').click()
  const form = page.locator('.auth-container', { hasText: `${scheme} (` })
  const logout = form.getByRole('button', { name: 'Remove authorization' })
  if (await logout.count()) await logout.click()
  await form.locator('input').fill(value)
  await form.locator('button[type=submit]').click()
  await page.locator('.btn-done').first().click()
}

/** Opens a route and closes the one before: Swagger UI renders every open route again at every step. */
async function open(page: Page, method: string, path: string): Promise<Locator> {
  const before = page.locator('.opblock.is-open .opblock-summary-control')
  if (await before.count()) await before.click()
  const route = page.locator(`.opblock-${method}:has([data-path="${path}"])`)
  await route.locator('.opblock-summary-control').click()
  return route
}

/** The part of the page that shows the response. */
async function execute(route: Locator): Promise<Locator> {
  await route.locator('button.execute').click()
  const response = route.locator('.live-responses-table')
  await response.waitFor()
  return response
}

async function statusIn(response: Locator): Promise<string | undefined> {
  return (await response.locator('.response .response-col_status').textContent())?.slice(0, 3)
}

/** The headers, printed as ` name: value `. */
async function headersIn(response: Locator): Promise<Record<string, string>> {
  const lines = await response.locator('.headerline').allTextContents()
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...value] = line.trim().split(': ')
      return [name, value.join(': ')]
    }),
  )
}
