/** Who sells and who buys: on statements, and where credits are missing. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { newSignInLink } from '../../src/http/auth/sign-in-link.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { axeFaults } from '../support/axe.ts'
import { browserProgram, startBrowser, type TestBrowser } from '../support/browser.ts'
import { runCli, runJson } from '../support/cli.ts'
import { makeLogin } from '../support/logins.ts'
import type { Json } from '../support/management-test-app.ts'
import { jwtSecret } from '../support/running-gateway.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { smallConfig } from '../support/small-config.ts'
import { until } from '../support/until.ts'

const program = browserProgram()
const link = newSignInLink({ role: 'owner', subject: 'nora' })

const seller = {
  name: 'Calls & <b>More</b> GmbH',
  address: ['Marktplatz 3', '20095 Hamburg'],
  colour: '#0b5fff',
  links: { buyMore: 'https://example.com/credits?from=402', support: 'https://example.com/help' },
}
/** A drawing that would do something, if it were more than a picture. */
const logo = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20" onload="fetch('/portal/ran')">
  <script>fetch('/portal/ran')</script>
  <image href="http://example.com/seen.png"/>
  <rect width="40" height="20" fill="#0b5fff"/>
</svg>`
const buyer = {
  name: 'Acme <script>alert(1)</script> Ltd',
  contact: 'billing@acme.example',
  billingAddress: ['1 Main Street', 'Springfield'],
  taxId: 'US-42',
}
const month = '2030-06'

let shop: Shop
let folder: string
let config: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollbook-seller-'))
  config = join(folder, 'tollbook.yaml')
  writeFileSync(join(folder, 'logo.svg'), logo)
  const named = JSON.stringify({ ...seller, logo: 'logo.svg' })
  writeFileSync(config, `${smallConfig}seller: ${named}\n`)
  const shown = { ...seller, logo: join(folder, 'logo.svg') }
  shop = await openShop({ config: { seller: shown }, signInLink: link, dedicatedHolds: true })
  const body = { profile: buyer }
  expect((await admin('PATCH', `/admin/accounts/${shop.account.accountId}`, body)).status).toBe(200)
})
afterAll(async () => {
  await shop?.close()
  rmSync(folder, { recursive: true, force: true })
})

async function admin(method: string, path: string, json?: object): Promise<Response> {
  const claims = { subject: 'ada', role: 'admin', expiresInSeconds: 600 }
  const token = await signToken({ secret: jwtSecret, ...claims })
  return fetch(shop.gateway.url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(json && { 'content-type': 'application/json' }),
    },
    ...(json && { body: JSON.stringify(json) }),
  })
}

const statement = (query = '') =>
  admin('GET', `/admin/accounts/${shop.account.accountId}/statements/${month}${query}`)

describe('a statement', () => {
  test('names the seller and the buyer, as both are said to be', async () => {
    const { name, address } = seller
    const body = (await (await statement()).json()) as Json
    expect(body.statement).toMatchObject({ month, seller: { name, address }, buyer })
  })

  test('has both on its page, as texts', async () => {
    const page = await (await statement('?format=html')).text()
    for (const text of [
      ...['Calls &amp; &lt;b&gt;More&lt;/b&gt; GmbH', 'Marktplatz 3', '20095 Hamburg'],
      ...['Acme &lt;script&gt;alert(1)&lt;/script&gt; Ltd', '1 Main Street', 'Tax id US-42'],
    ]) {
      expect(page).toContain(`<bdi>${text}</bdi>`)
    }
    expect(page).not.toContain('<script')
  })

  test('of the command line names both too, in words, as JSON and on its page', async () => {
    const words = ['report', 'statement', '--account', shop.account.accountId, '--month', month]
    const options = { database: shop.ledger.url }
    const args = [...words, '--config', config]
    const { name, address } = seller
    expect(await runJson(args, options)).toMatchObject({ seller: { name, address }, buyer })
    const { stdout } = await runCli(args, options)
    expect(stdout).toContain('Seller    Calls & <b>More</b> GmbH, Marktplatz 3, 20095 Hamburg\n')
    expect(stdout).toContain('Customer  Acme <script>alert(1)</script> Ltd, 1 Main Street')
    const file = join(folder, 'statement.html')
    await runCli([...args, '--html', file], options)
    const page = readFileSync(file, 'utf8')
    expect(page).toContain('<bdi>Tax id US-42</bdi>')
    expect(page).toContain(`src="data:image/svg+xml;base64,${btoa(logo)}"`)
    expect(page).toContain('border-left: 4px solid #0b5fff')
  })

  test('names no seller where nobody names a configuration and the one found cannot be used', async () => {
    const words = ['report', 'statement', '--account', shop.account.accountId, '--month', month]
    const unusable = { database: shop.ledger.url, env: { GATEWAYS: 'many' } }
    const { status, stdout, stderr } = await runCli([...words, '--json'], unusable)
    expect([status, stderr]).toEqual([0, expect.stringContaining('names no seller: ')])
    const printed = JSON.parse(stdout)
    expect([printed.seller, printed.buyer?.name]).toEqual([undefined, buyer.name])
    const csv = await runCli([...words, '--csv'], unusable)
    expect([csv.status, csv.stderr]).toEqual([0, ''])
    const named = await runCli([...words, '--config', config], unusable)
    expect([named.status, named.stdout]).toEqual([1, ''])
  })

  test('is printed without the buyer by a login that may read no names', async () => {
    const login = await makeLogin(shop.ledger, 'reader')
    try {
      const words = ['report', 'statement', '--account', shop.account.accountId, '--month', month]
      const printed = await runJson([...words, '--config', config], { database: login.url })
      expect(printed).toMatchObject({ accountId: shop.account.accountId })
      expect([printed.seller?.name, printed.buyer]).toEqual([seller.name, undefined])
    } finally {
      await login.drop()
    }
  })

  test('names no buyer of an account that nobody has described', async () => {
    const { accountId } = await shop.newKey()
    const found = await admin('GET', `/admin/accounts/${accountId}/statements/${month}`)
    const body = (await found.json()) as Json
    expect([body.statement.seller.name, body.statement.buyer]).toEqual([seller.name, undefined])
  })
})

describe('a call that is refused with 402', () => {
  test('leads to where credits are bought, where they are what is missing', async () => {
    const key = await shop.newKey('free', { monthlyCap: 1_000_000 })
    const path = `/admin/accounts/${key.accountId}`
    expect((await admin('POST', `${path}/adjustments`, { credits: 100 })).status).toBe(201)
    const refused = await shop.post('/v1/search', { query: 'toll' }, { key: key.text })
    expect([refused.status, await refused.json()]).toMatchObject([
      402,
      { code: 'insufficient_credits', buyMore: seller.links.buyMore, required: 1, available: 0 },
    ])
  })

  test('does not, where a cap is reached, which bought credits do not lift', async () => {
    const key = await shop.newKey('pro', { monthlyCap: 0 })
    const refused = await shop.post('/v1/search', { query: 'toll' }, { key: key.text })
    const body = (await refused.json()) as Json
    expect([refused.status, body.code, body.buyMore]).toEqual([402, 'key_cap_reached', undefined])
  })
})

test('pages carry the seller for whoever is not signed in yet, as a text', async () => {
  const page = await (await fetch(`${shop.gateway.url}/portal`)).text()
  const [, written = ''] = page.match(/<meta name="tollbook-seller" content="([^"]*)">/) ?? []
  const text = written.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&')
  expect(JSON.parse(text)).toEqual({
    ...seller,
    logo: expect.stringMatching(/^\/portal\/assets\/logo-[0-9a-f]{16}\.svg$/),
  })
  expect(page).not.toContain('<b>')
})

describe.skipIf(program === undefined)('the logo in a browser', () => {
  let browser: TestBrowser
  beforeAll(async () => {
    browser = await startBrowser(program ?? '')
  })
  afterAll(() => browser?.close())

  /** Whether the page's one picture is drawn. */
  const isDrawn = (page: Page) =>
    page.evaluate(() => {
      const [picture, ...others] = document.images
      return others.length === 0 && picture?.complete === true && picture.naturalWidth === 40
    })

  test('is a picture beside the name, before and after a sign-in, and nothing that runs', async () => {
    const { page, asked, elsewhere, complaints } = await browser.open(
      `${shop.gateway.url}/portal#link=${link.token}`,
    )
    await until(() => isDrawn(page))
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
    await until(() => isDrawn(page))
    expect(await axeFaults(page)).toEqual([])
    await page.setViewportSize({ width: 360, height: 900 })
    await until(async () => (await page.evaluate(() => document.body.scrollWidth)) <= 360)
    expect([elsewhere, complaints]).toEqual([[], []])
    expect(asked.filter((url) => url.includes('/ran'))).toEqual([])
    await page.close()
  })

  test('runs nothing and asks nobody either where somebody opens it by itself', async () => {
    const { page } = await browser.open(`${shop.gateway.url}/portal`)
    const address = await page.locator('img').getAttribute('src')
    await page.close()
    const opened = await browser.open(shop.gateway.url + address)
    await opened.page.waitForLoadState('networkidle')
    expect(opened.asked).toEqual([shop.gateway.url + address])
    await opened.page.close()
    const { headers } = await fetch(shop.gateway.url + address)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('content-type')).toBe('image/svg+xml')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('stands on a printed statement, whose policy lets it', async () => {
    const response = await statement('?format=html')
    expect(response.headers.get('content-security-policy')).toContain('; img-src data:;')
    const { page, asked } = await browser.open(`${shop.gateway.url}/health`)
    await page.setContent(await response.text())
    await until(() => isDrawn(page))
    expect(asked).toEqual([`${shop.gateway.url}/health`])
    await page.close()
  })
})
