/** Signing out everywhere in a real browser: one asks before, and then no browser of the user is signed in any more, at either site. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import type { Page } from 'playwright-core'
import type { SignInLink } from '../../src/http/auth/sign-in-link.ts'
import type { SessionOwner } from '../../src/ledger/sessions/session-rows.ts'
import { axeFaults } from '../support/axe.ts'
import {
  browserProgram,
  startBrowser,
  type TestBrowser,
  type TestPage,
} from '../support/browser.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

/** Links that sign in as often as a browser is opened, as if each were printed anew. */
let subject = 'ada'
const linkOf = (role: SessionOwner['role']): SignInLink => ({
  token: 'a-link-for-tests',
  signIn: (_, open) => open({ role, subject }),
})

const program = browserProgram()

describe.skipIf(program === undefined)('signing out everywhere', () => {
  let shop: Shop
  let browser: TestBrowser
  const opened: TestPage[] = []
  beforeAll(async () => {
    shop = await openShop({ signInLink: linkOf('owner'), consoleLink: linkOf('admin') })
    browser = await startBrowser(program ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.close()
  })
  afterEach(async () => {
    for (const { page, elsewhere, complaints } of opened.splice(0)) {
      expect([elsewhere, complaints]).toEqual([[], []])
      await page.close()
    }
  })

  const addressOf = (site: 'portal' | 'console') =>
    site === 'portal' ? `${shop.gateway.url}/portal` : `${shop.gateway.consoleUrl}/console`

  /** A browser of its own, with cookies of its own. */
  async function signIn(site: 'portal' | 'console', as = 'ada'): Promise<Page> {
    subject = as
    const open = await browser.open(`${addressOf(site)}#link=a-link-for-tests`)
    opened.push(open)
    await open.page.getByRole('button', { name: 'Sign in' }).click()
    await isSignedIn(open.page)
    return open.page
  }

  const isSignedIn = (page: Page) => page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
  const isSignedOut = (page: Page) => page.getByText('You are not signed in').waitFor()
  const everywhere = (page: Pick<Page, 'getByRole'>) =>
    page.getByRole('button', { name: 'Sign out everywhere' })

  for (const site of ['portal', 'console'] as const) {
    test(`in the ${site} ends the user's sessions in all browsers, and nobody else's`, async () => {
      const [here, there, atPortal, atConsole, ofOthers] = [
        await signIn(site),
        await signIn(site),
        await signIn('portal'),
        await signIn('console'),
        await signIn(site, 'otto'),
      ]
      await everywhere(here).click()
      const dialog = here.getByRole('dialog', { name: 'Sign out everywhere' })
      await dialog.getByText('in every other one').waitFor()
      expect(await axeFaults(here)).toEqual([])
      for (const width of [360, 1_280]) {
        await here.setViewportSize({ width, height: 900 })
        await until(async () => (await here.evaluate(() => document.body.scrollWidth)) <= width)
      }
      await everywhere(dialog).click()
      await isSignedOut(here)
      for (const page of [there, atPortal, atConsole]) {
        await page.reload()
        await isSignedOut(page)
      }
      await ofOthers.reload()
      await isSignedIn(ofOthers)
    })

    test(`in the ${site} is asked for once more, and ends nothing before`, async () => {
      const [here, there] = [await signIn(site), await signIn(site)]
      await everywhere(here).click()
      await here.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
      await until(async () => (await here.locator('dialog').count()) === 0)
      for (const page of [here, there]) {
        await page.reload()
        await isSignedIn(page)
      }
      // This browser alone.
      await here.getByRole('button', { name: 'Sign out', exact: true }).click()
      await isSignedOut(here)
      await there.reload()
      await isSignedIn(there)
    })

    test(`in the ${site} says so where it fails, and nobody believes to be signed out`, async () => {
      const here = await signIn(site)
      await here.route('**/session?everywhere=true', (route) =>
        route.fulfill({
          status: 503,
          json: { detail: 'The ledger cannot be reached just now.', requestId: 'request-1' },
        }),
      )
      await everywhere(here).click()
      const dialog = here.getByRole('dialog')
      await everywhere(dialog).click()
      await dialog.getByText('The ledger cannot be reached just now.').waitFor()
      await here.unroute('**/session?everywhere=true')
      await everywhere(dialog).click()
      await isSignedOut(here)
    })
  }
})
