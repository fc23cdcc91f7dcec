/** The console in a real browser: what an operator finds there, and what he does. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { newSignInLink } from '../../src/http/auth/sign-in-link.ts'
import { signToken } from '../../src/http/auth/sign-token.ts'
import { readCurrentTariffs } from '../../src/ledger/read/read-tariffs.ts'
import { axeFaults } from '../support/axe.ts'
import {
  browserProgram,
  startBrowser,
  type TestBrowser,
  type TestPage,
} from '../support/browser.ts'
import { jwtSecret } from '../support/running-gateway.ts'
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
    for (const width of [360, 1_280]) {
      await page.setViewportSize({ width, height: 900 })
      // Charts follow when they are told.
      await until(async () => (await page.evaluate(() => document.body.scrollWidth)) <= width)
    }
  })

  const goTo = async (name: string) => {
    await page.getByRole('navigation').getByRole('link', { name, exact: true }).click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
    await until(async () => (await page.locator('.skeleton').count()) === 0)
  }
  /** What another operator does meanwhile. */
  const admin = async (method: string, path: string, json: object) => {
    const [subject, role] = ['otto', 'admin']
    const token = await signToken({ secret: jwtSecret, subject, role, expiresInSeconds: 600 })
    return fetch(shop.gateway.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(json),
    })
  }
  /** As if the browser had been signed in so long ago. */
  const signedIn = (ago: string) => shop.ledger.sql`
    update portal_sessions set signed_in_at = ledger_now() - ${ago}::interval`
  const announced = async () => (await readCurrentTariffs(shop.ledger.sql)).slice(1)
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

  test('finds a refused call by its id, says why and what it needed, and grants that with a reason', async () => {
    // All that the plan gives is taken away, so that nothing is left.
    const path = `/admin/accounts/${key.accountId}`
    expect((await admin('POST', `${path}/adjustments`, { credits: 100 })).status).toBe(201)
    const refused = await shop.post('/v1/search', { query: 'toll' }, { key: key.text })
    expect(refused.status).toBe(402)
    const requestId = refused.headers.get('x-request-id')
    await until(async () => {
      await findCall(requestId)
      await page.locator('.skeleton').waitFor({ state: 'detached' })
      return (await page.getByText('Refused, nothing charged').count()) === 1
    })
    await page
      .getByText(
        'There were not enough credits. It would have needed 1 credit, and there were 0 credits.',
      )
      .waitFor()

    await page.getByRole('link', { name: key.accountId }).click()
    await page.getByRole('heading', { level: 2, name: 'Credits' }).waitFor()
    await page.getByText('0 credits left').waitFor()
    await page.getByRole('button', { name: 'Grant credits' }).click()
    await page.getByRole('spinbutton', { name: 'Credits' }).fill('25')
    await page.getByLabel('Reason').fill('A gift for <i>waiting</i>')
    await page.getByRole('button', { name: 'Grant', exact: true }).click()
    await page.getByText('25 credits left').waitFor()
    await page.getByText('A gift for <i>waiting</i>').waitFor()
    expect((await shop.post('/v1/search', { query: 'toll' }, { key: key.text })).status).toBe(200)
  })

  test('finds an account by its owner, and freezes it as it was seen alone', async () => {
    await goTo('Accounts')
    await page.getByLabel('Owner, or the id of an account or a key').fill(key.keyId)
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('1 account in all.').waitFor()
    await page.locator('tbody a').click()
    await page.getByRole('button', { name: 'Freeze it' }).click()
    await page.getByLabel('Reason').fill('Looks stolen')
    await page.getByRole('button', { name: 'Freeze', exact: true }).click()
    await page.getByText('frozen: it buys nothing').waitFor()
    expect((await shop.post('/v1/search', { query: 'toll' }, { key: key.text })).status).toBe(403)

    // Somebody else changes the plan while the dialog is open.
    await page.getByRole('button', { name: 'Unfreeze it' }).click()
    const path = `/admin/accounts/${key.accountId}`
    expect((await admin('PATCH', path, { plan: 'pro' })).status).toBe(200)
    await page.getByLabel('Reason').fill('It was not')
    await page.getByRole('button', { name: 'Unfreeze', exact: true }).click()
    await page.getByText('It has changed since you read it').waitFor()
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('pro', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Unfreeze it' }).click()
    await page.getByLabel('Reason').fill('It was not')
    await page.getByRole('button', { name: 'Unfreeze', exact: true }).click()
    await page.getByRole('button', { name: 'Freeze it' }).waitFor()
  })

  test('has dialogs that are no wider than a narrow screen', async () => {
    await page.setViewportSize({ width: 360, height: 900 })
    for (const name of ['Grant credits', 'Take credits back', 'Change the plan', 'Say who it is']) {
      await page.getByRole('button', { name }).click()
      const dialog = page.locator('dialog')
      expect(await dialog.evaluate((box) => box.scrollWidth <= box.clientWidth)).toBe(true)
      await dialog.getByRole('button', { name: 'Cancel' }).click()
    }
  })

  test('says who an account is, finds it by that, and shows it as a text', async () => {
    await goTo('Accounts')
    const search = page.getByLabel('Name, contact, owner, or the id of an account or a key')
    await search.fill(key.accountId)
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('1 account in all.').waitFor()
    await page.locator('tbody a').click()
    await page.getByRole('button', { name: 'Say who it is' }).click()
    const name = `Żółć <svg onload=alert(1)> ${'👩'.repeat(160)}`
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Contact').fill('billing@acme.example')
    await page.getByLabel('Billing address').fill('1 Main Street\n\nSpringfield')
    await page.getByLabel('Reason').fill('As they wrote')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByRole('heading', { level: 1, name }).waitFor()
    await page.getByText('1 Main Street, Springfield').waitFor()
    await page.getByText('As they wrote').waitFor()
    await goTo('Accounts')
    await search.fill('ŻÓŁĆ <SVG')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('1 account in all.').waitFor()
    await page.getByRole('cell', { name }).waitFor()
    expect(await page.locator('main svg').count()).toBe(0)
  })

  test('keeps notes on an account, the newest first, each once, and shows them as texts', async () => {
    await page.goto(`${shop.gateway.consoleUrl}/console/accounts/${key.accountId}`)
    const notes = page.getByRole('region', { name: 'Notes' })
    await notes.getByText('Nothing is noted.').waitFor()
    const draft = notes.getByLabel('New note')
    await draft.fill('Called,\n  promised <img src=x onerror=alert(1)> until Friday')
    // Its response is lost, so that the operator sends it again.
    await page.route('**/notes', async (route) => {
      await route.fetch()
      await route.abort()
    })
    await notes.getByRole('button', { name: 'Write it' }).click()
    await notes.getByText('The gateway cannot be reached.').waitFor()
    await page.unroute('**/notes')
    testPage.complaints.splice(0)
    await notes.getByRole('button', { name: 'Write it' }).click()
    await notes.getByText('Called, promised <img src=x onerror=alert(1)> until Friday').waitFor()
    expect(await draft.inputValue()).toBe('')
    await draft.fill('Refunded')
    await notes.getByRole('button', { name: 'Write it' }).click()
    await notes.getByText('Refunded').waitFor()
    const written = await notes.locator('td[data-head=Note]').allTextContents()
    expect(written).toEqual([
      'Refunded',
      'Called, promised <img src=x onerror=alert(1)> until Friday',
    ])
    await notes.getByRole('cell', { name: 'admin:ada' }).first().waitFor()
    expect(await page.locator('main img').count()).toBe(0)
    // What is changed after it is changed of the account as it is now.
    await page.getByRole('button', { name: 'Change the plan' }).click()
    await page.getByRole('dialog').getByLabel('Plan').selectOption('enterprise')
    await page.getByLabel('Reason').fill('As they asked')
    await page.getByRole('button', { name: 'Change it', exact: true }).click()
    await page.getByText('As they asked').first().waitFor()
  })

  test('shows names as they are, whatever they say', async () => {
    const id = `<img src=x onerror=alert(1)> ${'👩‍👩‍👧'.repeat(20)} \u202egnp.exe`
    await shop.ledger.account({ plan: 'pro', owner: { kind: 'user', id } })
    await goTo('Accounts')
    await page.getByLabel('Owner, or the id of an account or a key').fill('<img src=x')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('1 account in all.').waitFor()
    await page.locator('tbody a').click()
    await page.getByRole('heading', { level: 1, name: '<img src=x onerror=alert(1)>' }).waitFor()
    expect(await page.locator('main img').count()).toBe(0)
  })

  test('says what to do where no account fits', async () => {
    await goTo('Accounts')
    await page.getByLabel('Owner, or the id of an account or a key').fill('nobody has this name')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('No account fits.').waitFor()
    await page.goto(`${shop.gateway.consoleUrl}/console/accounts/acc_none`)
    await page.getByRole('heading', { level: 1, name: 'No such account' }).waitFor()
  })

  test('shows the log, the newest first, with reasons and without calls unless they are asked for', async () => {
    await goTo('Log')
    await page.getByText('It was not').first().waitFor()
    const positions = await page.locator('td[data-head=Position]').allTextContents()
    const numbers = positions.map((text) => Number(text.split('-')[1]))
    expect(numbers).toEqual([...numbers].sort((a, b) => b - a))
    expect(await page.getByRole('link', { name: 'its call' }).count()).toBe(1)
    await page.getByLabel('Events of calls').selectOption('true')
    await until(async () => (await page.getByRole('link', { name: 'its call' }).count()) > 3)
  })

  test('says what is in force, how the ledger stands, and what the day was', async () => {
    await goTo('Prices')
    await page.getByRole('row', { name: /search POST/ }).waitFor()
    await goTo('Health')
    await page.getByText('as gateways saw it').waitFor()
    await goTo('Home')
    await until(async () => {
      await page.reload()
      await page.getByRole('heading', { name: 'Today (UTC), by hour' }).waitFor()
      await until(async () => (await page.locator('.skeleton').count()) === 0)
      return (
        (await page.getByText(/Calls: [23] sold, 0 free, 0 failed, [12] refused/).count()) === 1
      )
    })
    await page.getByRole('cell', { name: 'insufficient credits' }).waitFor()
  })

  test('makes an operator key, which is shown once, and revokes it', async () => {
    await goTo('Operator keys')
    await page.getByText('There are none.').waitFor()
    await page.getByRole('button', { name: 'Create an operator key' }).click()
    await page.getByLabel('Name').fill('Export <b>nightly</b>')
    await page.getByLabel('Role').selectOption('support')
    const expires = new Date(shop.ledger.now.getTime() + 90 * 86_400_000)
    await page.getByLabel('Expires').fill(expires.toISOString().slice(0, 10))
    await page.getByLabel('Reason').fill('asked for by billing')
    // Who signed in long ago signs in again.
    await signedIn('11 minutes')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByText('This needs a sign-in that is at most 10 minutes old').waitFor()
    testPage.complaints.splice(0)
    await signedIn('1 minute')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByRole('button', { name: 'Copy the key' }).waitFor()
    const text = (await page.locator('dialog .copyable code').textContent()) ?? ''
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByText('Export <b>nightly</b>').first().waitFor()
    const use = async () => {
      const headers = { authorization: `Bearer ${text}` }
      return (await fetch(`${shop.gateway.url}/admin/accounts`, { headers })).status
    }
    expect(await use()).toBe(200)
    expect(await page.locator('body').textContent()).not.toContain(text)

    await page.getByRole('button', { name: /^Revoke/ }).click()
    await page.getByLabel('Reason').fill('no longer used')
    await page.getByRole('button', { name: 'Revoke it' }).click()
    await page.getByText(/^revoked on/).waitFor()
    expect(await use()).toBe(401)
    await goTo('Log')
    await page.getByText('asked for by billing').waitFor()
    await page.getByText('no longer used').waitFor()
  })

  test('publishes a price with notice, compared with that in force and tried over a month', async () => {
    await goTo('Prices')
    await page.getByRole('button', { name: 'Change those in force' }).click()
    // As a sign-in does, which leaves the page.
    await page.reload()
    const draft = page.getByLabel('Plans, prices and packs, as JSON')
    const tariff = JSON.parse(await draft.inputValue())
    const search = { per: 'request', credits: 0 }
    await draft.fill(JSON.stringify({ ...tariff, prices: { ...tariff.prices, search } }))
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.getByText('/tariff/prices/search/credits: expected').waitFor()
    testPage.complaints.splice(0)

    // The file that it comes from will do, too, with what it leaves out.
    const written = readFileSync(shippedConfigFile, 'utf8')
    const dearer = written.replace(
      'price: { per: request, credits: 1 }',
      'price: { per: request, credits: 3 }',
    )
    expect(dearer).not.toBe(written)
    const file = {
      name: 'tollbook.yaml',
      mimeType: 'application/yaml',
      buffer: Buffer.from(dearer),
    }
    await page.locator('input[type=file]').setInputFiles(file)
    await until(async () => (await draft.inputValue()).includes('"credits": 3'))
    await page.getByRole('button', { name: 'Compare' }).click()
    await page.getByText('prices.search', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Simulate it' }).click()
    await page.getByText(/credits? before, \d+ credits with these/).waitFor()

    await page.getByRole('button', { name: 'Publish it' }).click()
    await page.getByText('stands in the log as plain text and cannot be erased').waitFor()
    const at = page.getByLabel('In force from')
    await at.fill('2199-01-01')
    await page.getByLabel('Notice').fill('Searches cost <b>3</b> credits.')
    await page.getByLabel('Reason').fill('Costs <i>rose</i>')
    // Who signed in long ago signs in again, and the draft is there then.
    await signedIn('11 minutes')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByText('This needs a sign-in that is at most 10 minutes old').waitFor()
    testPage.complaints.splice(0)
    expect(await announced()).toEqual([])
    await signedIn('1 minute')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByRole('heading', { name: 'From 1 Jan 2199 on' }).waitFor()
    await page.getByText('Searches cost <b>3</b> credits.').waitFor()
    await page.getByRole('heading', { name: 'What changes at 2199-01-01 00:00 UTC' }).waitFor()
    expect(await announced()).toMatchObject([{ notice: 'Searches cost <b>3</b> credits.' }])
    await goTo('Log')
    await page.getByText('Costs <i>rose</i>').waitFor()
  })

  test('keeps what it shows when the gateway fails, and says the request id', async () => {
    await goTo('Health')
    await page.route('**/admin/health', (route) =>
      route.fulfill({
        status: 503,
        json: { detail: 'The ledger cannot be reached just now.', requestId: 'request-1' },
      }),
    )
    await page.getByRole('button', { name: 'Look again' }).click()
    await page.getByText('The ledger cannot be reached just now.').waitFor()
    await page.getByText('request-1').waitFor()
    await page.getByText('as gateways saw it').waitFor()
    await page.unroute('**/admin/health')
    await page.getByRole('button', { name: 'Try again' }).click()
    await until(async () => (await page.getByText('request-1').count()) === 0)
  })

  test('signs out, and in no tab is anybody signed in after that', async () => {
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByText('You are not signed in').waitFor()
    await page.goto(`${shop.gateway.consoleUrl}/console/accounts`)
    await page.getByText('You are not signed in').waitFor()
  })
})
