/** The official openai client in a page of another origin, in a real browser. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type OpenAI from 'openai'
import { type DemoUpstream, startDemoUpstream } from '../../src/demo/start-demo-upstream.ts'
import {
  browserProgram,
  startBrowser,
  type TestBrowser,
  type TestPage,
} from '../support/browser.ts'
import { chatConfig } from '../support/chat.ts'
import { openShop, type Shop } from '../support/shop.ts'

const program = browserProgram()

/** A page that has the client, and nothing else. */
async function servePage() {
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, '../support/openai-page.ts')],
    target: 'browser',
  })
  const script = outputs[0]
  return Bun.serve({
    ...{ port: 0, hostname: '127.0.0.1' },
    fetch: ({ url }) =>
      url.endsWith('/client.js')
        ? new Response(script)
        : new Response(
            '<link rel="icon" href="data:,"><script type="module" src="/client.js"></script>',
            {
              headers: { 'content-type': 'text/html' },
            },
          ),
  })
}

/** What a page does with a client. It is sent to the browser as text, so it can use nothing else. */
type Use = (client: OpenAI) => Promise<unknown>

describe.skipIf(program === undefined)('the openai client in a page of another origin', () => {
  let demo: DemoUpstream
  let site: Awaited<ReturnType<typeof servePage>>
  let shop: Shop
  let browser: TestBrowser
  let testPage: TestPage
  beforeAll(async () => {
    demo = startDemoUpstream('chat')
    site = await servePage()
    const { url } = demo
    shop = await openShop({
      config: chatConfig(),
      demoUrls: { chat: url, search: url, stt: url, tts: url },
      env: { CORS_ORIGINS: `http://127.0.0.1:${site.port}` },
    })
    browser = await startBrowser(program ?? '')
    testPage = await browser.open(`http://127.0.0.1:${site.port}/`, false)
    await testPage.page.waitForFunction('globalThis.OpenAI !== undefined')
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.close()
    await site?.stop(true)
    await demo?.stop()
  })
  afterEach(() => expect(testPage.complaints).toEqual([]))

  const inPage = (use: Use, apiKey = shop.key.text) => {
    const options = {
      ...{ apiKey, baseURL: `${shop.gateway.url}/v1` },
      ...{ dangerouslyAllowBrowser: true, organization: 'org', project: 'proj' },
    }
    return testPage.page.evaluate(
      `(${use})(new OpenAI(${JSON.stringify(options)})).catch(({ message, status, code, requestID }) =>
        ({ failed: { message, status, code, requestID } }))`,
    )
  }

  test('gets a whole response, and reads what it cost', async () => {
    const charged = await inPage(async (client) => {
      const messages = [{ role: 'user' as const, content: 'Good morning.' }]
      const { data, response } = await client.chat.completions
        .create({ model: 'demo', messages })
        .withResponse()
      return [data.choices[0]?.message.content, response.headers.get('x-credits-charged')]
    })
    expect(charged).toEqual(['Good morning.', '1'])
  })

  test('gets a stream', async () => {
    const text = await inPage(async (client) => {
      const messages = [{ role: 'user' as const, content: 'Good morning to you.' }]
      const stream = client.chat.completions.stream({ model: 'demo', messages })
      return (await stream.finalChatCompletion()).choices[0]?.message.content
    })
    expect(text).toBe('Good morning to you.')
  })

  test('lists the models', async () => {
    const ids = await inPage(async (client) =>
      (await client.models.list()).data.map(({ id }) => id),
    )
    expect(ids).toContain('demo')
  })

  test('is told what is wrong with its key', async () => {
    const refused = await inPage((client) => client.models.list(), 'sk-wrong')
    expect(refused).toMatchObject({
      failed: { status: 401, code: 'malformed_key', requestID: expect.any(String) },
    })
  })

  test('may read whether to try again', async () => {
    const retry = await inPage(async (client) => {
      const asked = client.chat.completions.create({ model: 'none', messages: [] })
      return asked.catch(({ headers }) => headers.get('x-should-retry'))
    })
    expect(retry).toBe('false')
  })
})
