/** The console in a real browser: what an operator finds there, and what he does. */
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
import type { TestKey } from '../support/test-ledger.ts'
import { until } from '../support/until.ts'

const program = browserProgram()
const link = newSignInLink({ role: 'admin', subject: 'ada' })

describe.skipIf(program === undefined)('the console', () => {
  let shop: Shop
  let browser: TestBrowser
  let testPage: TestPage
  let page: Page
  /** Of an account that has few credits. */
  let key: TestKey
  beforeAll(async () => {
    shop = await openShop({ consoleLink: link, dedicatedHolds: true })
    key = await shop.newKey('free', { monthlyCap: 1_000_000 })
    browser = await startBrowser(program ?? '')
    testPage = await browser.open(`${shop.gateway.consoleUrl}/console#link=${link.token}`)
    page = testPage.page
  }, 60_000)
  afterAll(async () => {
    await browser?.close()
    await shop?.close()
  })
  // Every page asks this gateway alone, breaks no policy, is wide enough, and is read aloud well.
  afterEach(async () => {
    expect(testPage.elsewhere).toEqual([])
    expect(testPage.complaints).toEqual([])
    expect(await axeFaults(page)).toEqual([])
    for (const width of [360, 1_280]) {
      await page.setViewportSize({ width, height: 900 })
      expect(await page.evaluate(() => document.body.scrollWidth)).toBeLessThanOrEqual(width)
    }
  })

  const goTo = async (name: string) => {
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
    await until(async () => (await page.locator('.skeleton').count()) === 0)
  }
  const findCall = async (requestId: string | null) => {
    await goTo('Calls')
    await page.getByLabel('Request id').fill(requestId ?? '')
    await page.getByRole('button', { name: 'Show its receipt' }).click()
    await page.getByRole('heading', { level: 1, name: 'A call' }).waitFor()
  }

  test('signs in by a button, and takes the token out of the address', async () => {
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
    expect(page.url()).toBe(`${shop.gateway.consoleUrl}/console`)
    await page.locator('header').getByText('ada (admin)').waitFor()
  })

  test('says what to do where nothing is known of a call', async () => {
    await findCall('unknown')
    await page.getByText('Nothing is known of a call of this id').waitFor()
  })

  test('shows a call as a receipt with its lots and its price in words, and refunds it once', async () => {
    const response = await shop.post('/v1/search', { query: 'toll' }, { key: key.text })
    const requestId = response.headers.get('x-request-id')
    await findCall(requestId)
    await page.getByText('Charged: 1 credit (1 counted).').waitFor()
    await page
      .getByText(/^1 credit of lot 0-\d+\.$/)
      .first()
      .waitFor()
    await page.getByText('Price: 1 credit').waitFor()
    await page.getByRole('button', { name: 'Refund it' }).click()
    await page.getByLabel('Reason').fill('The result was <b>empty</b>')
    // Its response is lost, so that the operator sends it again.
    await page.route('**/refund', async (route) => {
      await route.fetch()
      await route.abort()
    })
    await page.getByRole('button', { name: 'Refund', exact: true }).click()
    await page.getByText('The gateway cannot be reached.').waitFor()
    await page.unroute('**/refund')
    testPage.complaints.splice(0)
    await page.getByRole('button', { name: 'Refund', exact: true }).click()
    await page.getByText('1 credit charged, 1 credit refunded').waitFor()
    await page.getByText('The result was <b>empty</b>').waitFor()
    const refunds = (await shop.eventsOf(requestId)).filter(({ type }) => type === 'ChargeRefunded')
    expect(refunds).toHaveLength(1)
    expect(await page.getByRole('button', { name: 'Refund it' }).count()).toBe(0)
  })
})
