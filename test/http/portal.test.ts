/**
 * The portal in a real browser that can reach this gateway and nothing else: what a customer does there, and that its figures are
 * those of the API to the credit.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import { newSignInLink } from '../../src/http/auth/sign-in-link.ts'
import { axeFaults } from '../support/axe.ts'
import {
  browserProgram,
  startBrowser,
  type TestBrowser,
  type TestPage,
} from '../support/browser.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

const program = browserProgram()
const link = newSignInLink({ role: 'owner', subject: 'nora' })
const seller = {
  ...{ name: `Acme <i>GmbH</i> ${'W'.repeat(120)}`, address: ['Markt 3'], colour: '#c23b6b' },
  links: { buyMore: 'https://example.com/credits', support: 'https://example.com/help' },
}

describe.skipIf(program === undefined)('the portal', () => {
  let shop: Shop
  let browser: TestBrowser
  let testPage: TestPage
  let page: Page
  beforeAll(async () => {
    shop = await openShop({ signInLink: link, dedicatedHolds: true, config: { seller } })
    browser = await startBrowser(program ?? '')
    testPage = await browser.open(`${shop.gateway.url}/portal#link=${link.token}`)
    page = testPage.page
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.close()
  })
  // Every page asks this gateway alone, breaks no policy, is wide enough, and is read aloud well.
  afterEach(async () => {
    expect(testPage.elsewhere).toEqual([])
    expect(testPage.complaints).toEqual([])
    expect(await axeFaults(page)).toEqual([])
    const [width, content] = await page.evaluate(() => [innerWidth, document.body.scrollWidth])
    expect(content).toBeLessThanOrEqual(width ?? 0)
  })

  const goTo = async (name: string, heading = name) => {
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).click()
    await page.getByRole('heading', { level: 1, name: heading }).waitFor()
    await until(async () => (await page.locator('.skeleton').count()) === 0)
  }

  test('signs in by a button, and takes the token out of the address', async () => {
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
    expect(page.url()).toBe(`${shop.gateway.url}/portal`)
    await page.getByText('You have no account yet').waitFor()
  })

  test('says who sells, in the seller’s colour, and leads to where credits and help are', async () => {
    const header = page.locator('header')
    await header.getByText(seller.name).waitFor()
    const linkOut = (name: string) => header.getByRole('link', { name })
    expect(await linkOut('Buy more').getAttribute('href')).toBe(seller.links.buyMore)
    expect(await linkOut('Support').getAttribute('href')).toBe(seller.links.support)
    const line = await header
      .locator('strong')
      .evaluate((found) => getComputedStyle(found).borderLeftColor)
    expect(line).toBe('rgb(194, 59, 107)')
    await page.setViewportSize({ width: 360, height: 800 })
    expect(await page.evaluate(() => document.body.scrollWidth)).toBeLessThanOrEqual(360)
    await page.setViewportSize({ width: 1_280, height: 900 })
  })

  let key = ''
  test('creates a key, and shows it once', async () => {
    await goTo('Keys')
    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByLabel('Name').fill('<img src=x onerror=alert(1)> 𝕏')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    key = (await page.locator('dialog code').textContent()) ?? ''
    expect(key).toStartWith('sk_live_')
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByRole('link', { name: '<img src=x onerror=alert(1)> 𝕏' }).waitFor()
    expect(await page.content()).not.toContain(key)
  })

  test('shows what calls cost, to the credit as balance and statement say', async () => {
    const requestIds: string[] = []
    for (let call = 0; call < 3; call++) {
      const response = await shop.post('/v1/search', { query: 'toll' }, { key })
      expect(response.status).toBe(200)
      requestIds.push(response.headers.get('x-request-id') ?? '')
    }
    await goTo('Home')
    await until(async () => {
      await page.reload()
      await page.getByRole('heading', { name: 'This month, by route' }).waitFor()
      const isCounted = (await page.getByText('3 credits for 3 calls.').count()) === 1
      // A lease of the key holds some for its next calls, until it falls idle.
      return isCounted && (await page.locator('.large').textContent()) === '97 credits'
    })
    const lots = page.getByRole('table', { name: 'Lots, in the order in which they are drawn on' })
    const allowance = lots.getByRole('row', { name: 'Allowance of the plan' })
    expect(await allowance.getByRole('cell').allTextContents()).toEqual([
      ...['Allowance of the plan', '2030-07-01 00:00 UTC', '100 credits', '97 credits'],
      expect.stringMatching(/^0-\d+$/),
    ])
    await goTo('Usage')
    await page.getByText('3 credits for 3 calls, of which 0 calls failed').waitFor()
    await page.locator('.drawing canvas').waitFor()
    await goTo('Statements')
    const row = page.getByRole('row', { name: 'June 2030' })
    await row.waitFor()
    expect(await row.getByRole('cell').allTextContents()).toEqual([
      ...['June 2030', '3 calls', '3 credits', '0 credits', '100 credits'],
      expect.stringContaining('View'),
    ])
    await goTo('Calls')
    await page.locator('tbody tr').first().waitFor()
    expect(await page.locator('tbody tr').count()).toBe(3)
    await page.getByLabel('Request id').fill(requestIds[1] ?? '')
    await page.getByRole('button', { name: 'Show its receipt' }).click()
    await page.getByText('Charged: 1 credit (1 counted).').waitFor()
  })

  test('opens a statement that can be printed, in a tab of its own', async () => {
    await goTo('Statements')
    const [opened] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('link', { name: 'View of June 2030, in a new tab' }).click(),
    ])
    await opened.getByRole('heading', { level: 1 }).waitFor()
    expect(await opened.title()).toContain('2030-06')
    await opened.close()
  })

  test('says who the customer is, and his statement names him', async () => {
    await goTo('Statements')
    await page.getByRole('button', { name: 'Change it' }).click()
    await page.getByLabel('Name').fill('Nora <i>Inc</i>')
    await page.getByLabel('Billing address').fill('1 Main Street\nSpringfield')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('1 Main Street, Springfield').waitFor()
    const [opened] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('link', { name: 'View of June 2030, in a new tab' }).click(),
    ])
    await opened.getByText('Nora <i>Inc</i>').waitFor()
    await opened.getByText(seller.name).waitFor()
    expect(await axeFaults(opened)).toEqual([])
    await opened.setViewportSize({ width: 360, height: 800 })
    const parties = opened.locator('.parties')
    expect(await parties.evaluate((block) => block.scrollWidth <= block.clientWidth)).toBe(true)
    expect(await opened.evaluate(() => document.documentElement.scrollWidth)).toBe(360)
    expect(await axeFaults(opened)).toEqual([])
    await opened.close()
  })

  test('says what calls cost', async () => {
    await goTo('Prices')
    expect(await page.getByRole('row', { name: /search POST/ }).textContent()).toContain('credit')
  })

  test('gives a key a new secret and revokes it', async () => {
    await goTo('Keys')
    await page.getByRole('link', { name: /onerror/ }).click()
    await page.getByRole('button', { name: 'Give it a new secret' }).click()
    await page.getByRole('button', { name: 'Make a new secret' }).click()
    await page.getByText('Copy the key now.').waitFor()
    const rotated = (await page.locator('dialog code').textContent()) ?? ''
    await page.getByRole('button', { name: 'I have copied it' }).click()
    expect((await shop.post('/v1/search', { query: 'toll' }, { key: rotated })).status).toBe(200)
    await page.getByRole('button', { name: 'Revoke it' }).click()
    await page.getByRole('button', { name: 'Revoke it for good' }).click()
    await page.getByText('revoked', { exact: true }).waitFor()
    await until(
      async () =>
        (await shop.post('/v1/search', { query: 'toll' }, { key: rotated })).status === 401,
    )
  })

  test('is used by keyboard: the first stop leads past the navigation, and a dialog keeps the focus', async () => {
    await goTo('Keys')
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Keys' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the page')
    await page.getByRole('button', { name: 'Create a key' }).press('Enter')
    await page.getByRole('dialog').waitFor()
    for (let step = 0; step < 10; step++) {
      await page.keyboard.press('Tab')
      const isInside = await page.evaluate(
        () =>
          document.activeElement === document.body || !!document.activeElement?.closest('dialog'),
      )
      expect(isInside).toBe(true)
    }
    await page.keyboard.press('Escape')
    await until(async () => (await page.locator('dialog').count()) === 0)
  })

  test('keeps what it shows when the gateway fails, and says the request id', async () => {
    await goTo('Home')
    await page.route('**/account/usage*', (route) =>
      route.fulfill({
        status: 503,
        json: { detail: 'The ledger cannot be reached just now.', requestId: 'request-1' },
      }),
    )
    await page.reload()
    await page.getByText('The ledger cannot be reached just now.').waitFor()
    await page.getByText('request-1').waitFor()
    await page.unroute('**/account/usage*')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText(/[34] credits for [34] calls\./).waitFor()
  })

  test('signs out, and in no tab is anybody signed in after that', async () => {
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByText('You are not signed in').waitFor()
    await page.goto(`${shop.gateway.url}/portal/keys`)
    await page.getByText('You are not signed in').waitFor()
  })
})
