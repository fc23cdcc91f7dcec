import { test, expect } from 'bun:test'
import { startBrowser, browserProgram } from '/work/main/test/support/browser.ts'
import { openShop } from '/work/main/test/support/shop.ts'
import { startDemoService, demoServiceNames } from '/work/main/src/demo/index.ts'
test('x', async () => {
  const demos = demoServiceNames.map(n => [n, startDemoService(n)] as const)
  const shop = await openShop({ demoUrls: Object.fromEntries(demos.map(([n,d])=>[n,d.url])) })
  const b = await startBrowser(browserProgram()!)
  const { page, elsewhere, complaints } = await b.open(shop.gateway.url + '/docs')
  await page.waitForSelector('.opblock')
  await page.screenshot({ path: '/tmp/docs-try/1.png', fullPage: true })
  await page.click('.btn.authorize')
  await page.waitForSelector('.auth-container')
  await page.screenshot({ path: '/tmp/docs-try/2.png' })
  await page.fill('.auth-container:has-text("X-API-Key") input', shop.key.text)
  await page.locator('.auth-container:has-text("X-API-Key") button[type=submit]').click()
  await page.locator('.btn-done').first().click()
  await page.locator('#operations-Calls\\:_search-search').scrollIntoViewIfNeeded()
  await page.locator('#operations-Calls\\:_search-search .opblock-summary-control').click()
  await page.locator('#operations-Calls\\:_search-search .execute').click()
  await page.waitForSelector('#operations-Calls\\:_search-search .live-responses-table .response-col_status')
  await page.screenshot({ path: '/tmp/docs-try/3.png', fullPage: true })
  console.log(await page.locator('#operations-Calls\\:_search-search .live-responses-table').innerText())
  console.log(elsewhere, complaints)
  await b.close(); await shop.close(); for (const [,d] of demos) await d.stop()
})
