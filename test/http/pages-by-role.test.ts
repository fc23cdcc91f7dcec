/** Pages offer what who is signed in may do: support the little that it may, and a reader nothing. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { newSignInLink } from '../../src/http/auth/sign-in-link.ts'
import {
  browserProgram,
  startBrowser,
  type TestBrowser,
  type TestPage,
} from '../support/browser.ts'
import { openShop, type Shop } from '../support/shop.ts'

const reader = newSignInLink({ role: 'reader', subject: 'rita', organisation: 'acme' })
const support = newSignInLink({ role: 'support', subject: 'sue' })

const program = browserProgram()

describe.skipIf(program === undefined)('a page', () => {
  let shop: Shop
  let browser: TestBrowser
  beforeAll(async () => {
    shop = await openShop({
      ...{ signInLink: reader, consoleLink: support, dedicatedHolds: true },
      config: { support: { maxGrant: 20, maxRefund: 0 } },
    })
    browser = await startBrowser(program ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await shop?.close()
  })

  async function signIn(address: string): Promise<TestPage> {
    const opened = await browser.open(address)
    await opened.page.getByRole('button', { name: 'Sign in' }).click()
    await opened.page.getByRole('heading', { level: 1, name: 'Home' }).waitFor()
    return opened
  }

  test('of the console lets support freeze and grant, and refund what its bound admits', async () => {
    const charged = await shop.post('/v1/search', { query: 'toll' })
    const { page } = await signIn(`${shop.gateway.consoleUrl}/console#link=${support.token}`)
    await page.locator('header').getByText('sue (support)').waitFor()
    await page.goto(`${shop.gateway.consoleUrl}/console/accounts/${shop.account.accountId}`)
    await page.getByRole('button', { name: 'Freeze it' }).waitFor()
    const names = await page.locator('.actions button').allInnerTexts()
    expect(names).toEqual(['Grant credits', 'Freeze it'])
    await page.getByLabel('New note').fill('Called back')
    await page.getByRole('button', { name: 'Write it' }).click()
    await page.getByRole('cell', { name: 'Called back' }).waitFor()
    await page.getByRole('cell', { name: 'support:sue' }).first().waitFor()
    await page.getByRole('button', { name: 'Grant credits' }).click()
    expect(await page.getByRole('spinbutton', { name: 'Credits' }).getAttribute('max')).toBe('20')

    const requestId = charged.headers.get('x-request-id')
    await page.goto(`${shop.gateway.consoleUrl}/console/calls/${requestId}`)
    await page.getByText('Charged: 1 credit').waitFor()
    expect(await page.getByRole('button', { name: 'Refund it' }).count()).toBe(0)
  })

  test('of the portal offers a reader no change', async () => {
    const owner = { kind: 'organisation', id: 'acme' } as const
    const key = await shop.ledger.key(await shop.ledger.account({ owner }), { name: 'Ours' })
    const { page } = await signIn(`${shop.gateway.url}/portal#link=${reader.token}`)
    await page.locator('header').getByText('acme (reader)').waitFor()
    await page.goto(`${shop.gateway.url}/portal/keys`)
    await page.getByRole('link', { name: 'Ours' }).waitFor()
    expect(await page.getByRole('button', { name: 'Create a key' }).count()).toBe(0)
    await page.goto(`${shop.gateway.url}/portal/keys/${key.keyId}`)
    await page.getByRole('heading', { level: 1, name: 'Ours' }).waitFor()
    await page.getByText('Created').waitFor()
    expect(await page.locator('main button').allInnerTexts()).toEqual([])
  })
})
