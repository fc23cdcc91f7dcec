/** The portal in a real browser that can reach this gateway and nothing else. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { BrowserContext, Page } from 'playwright-core'
import { newSignInLink } from '../../src/http/auth/sign-in-link.ts'
import { browserProgram, startBrowser, type TestBrowser } from '../support/browser.ts'
import { openShop, type Shop } from '../support/shop.ts'

const program = browserProgram()

describe.skipIf(program === undefined)('the portal', () => {
  let shop: Shop
  let browser: TestBrowser
  const link = newSignInLink({ subject: 'nora' })
  beforeAll(async () => {
    shop = await openShop({ signInLink: link })
    browser = await startBrowser(program ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.close()
  })
  test('x', async () => {
    const { page, complaints } = await browser.open(`${shop.gateway.url}/portal#link=${link.token}`)
    await page.getByText('Sign in').waitFor()
    const r = await page.evaluate(async (token) => {
      const r = await fetch('/portal/session', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ link: token }),
      })
      return [r.status, await r.text()]
    }, link.token)
    console.log(r, await page.context().cookies(), complaints)
    await page.reload()
    await page.getByText('acc_').waitFor()
    console.log(await page.content())
  })
})
