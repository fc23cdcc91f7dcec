/** Credits that are shown as money wherever people look, and stay whole numbers for programs. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { tariffOf } from '../../src/config/tariff.ts'
import { readTariffInForce } from '../../src/ledger/read/read-tariffs.ts'
import { runCli } from '../support/cli.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'

const credits = { name: 'EUR', decimals: 6 }
const config = { credits }
let shop: Shop
let folder: string
let requestId: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollbook-shown-'))
  shop = await openShop({ config })
  shop.upstream.respond(() => Response.json({ results: [] }))
  const response = await shop.post('/v1/search', { query: 'x' })
  expect(response.headers.get('x-credits-charged')).toBe('1')
  requestId = response.headers.get('x-request-id') ?? ''
  await shop.outcomeOf(requestId, 'HoldSettled')
})
afterAll(async () => {
  await shop.close()
  rmSync(folder, { recursive: true, force: true })
})

const cli = async (...args: string[]) => {
  const { stdout, stderr, status } = await runCli(args, { database: shop.ledger.url })
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout
}

/** The shipped file with credits shown so; without `shown`, as whole numbers. */
function fileWith(shown: object | undefined): string {
  const file = join(folder, `${crypto.randomUUID()}.yaml`)
  const shipped = parse(readFileSync(shippedConfigFile, 'utf8'))
  writeFileSync(file, stringify({ ...shipped, ...(shown && { credits: shown }) }))
  return file
}

async function month(): Promise<string> {
  const [row] = await shop.ledger.sql<[{ now: Date }]>`select ledger_now() as now`
  return row.now.toISOString().slice(0, 7)
}

describe('people see money', () => {
  test('in statements, on the terminal and as a page', async () => {
    const statement = ['report', 'statement', '--account', shop.account.accountId]
    const of = ['--month', await month()]
    const printed = await cli(...statement, ...of)
    expect(printed).toMatch(/^search +1 +1 +€0\.000001 /m)
    expect(printed).toMatch(/^Total .*€0\.000001/m)
    const page = join(folder, 'page.html')
    await cli(...statement, ...of, '--html', page)
    const html = readFileSync(page, 'utf8')
    expect(html).toContain('<td class="figure">€0.000001</td>')
    expect(html).not.toMatch(/>5,000</)
  })

  test('in what commands print', async () => {
    expect(await cli('accounts', 'show', shop.account.accountId)).toMatch(
      /^Available +€0\.004999$/m,
    )
    expect(await cli('prices', 'show')).toMatch(/^search +€0\.000001 a call$/m)
    const explained = await cli('explain', requestId)
    expect(explained).toContain('was charged €0.000001')
    expect(explained).toMatch(/^Available +€0\.00[45]\d{3}$/m)
    const simulated = ['simulate', '--prices', fileWith(credits), '--from', await month()]
    expect(await cli(...simulated)).toContain('€0.000001')
    expect(await cli('config', 'check', fileWith(credits))).toMatch(/^search .*€0\.000001 a call/m)
  })
})

test('in the history of the ledger, and where the API is documented', async () => {
  const charged = ['events', '--account', shop.account.accountId, '--type', 'HoldSettled']
  expect(await cli(...charged)).toContain('€0.000001 charged for a call of search')
  expect(await cli(...charged, '--json')).toContain('"summary":"1 credit charged for a call')
  const document = await (await shop.fetch('/docs/json')).json()
  const { description, 'x-price': price } = document.paths['/v1/search'].post
  expect(description).toStartWith('€0.000001 a call.')
  expect(price).toEqual({ per: 'request', credits: 1 })
})

test('programs see whole credits', async () => {
  const shown = await cli('accounts', 'show', shop.account.accountId, '--json')
  expect(JSON.parse(shown).balance.available).toBe(4_999)
  const args = ['--account', shop.account.accountId, '--month', await month()]
  const json = await cli('report', 'statement', ...args, '--json')
  expect(JSON.parse(json).charges.credits).toBe(1)
  expect(await cli('report', 'statement', ...args, '--csv')).not.toContain('€')
  const charge = await (await shop.fetch(`/v1/charges/${requestId}`)).json()
  expect(charge.credits).toBe(1)
})

test('a refusal says money in its text, and whole credits in its fields', async () => {
  const account = await shop.ledger.account({ plan: 'pro' })
  const key = await shop.ledger.key(account, { monthlyCap: 1 })
  const search = () => shop.post('/v1/search', { query: 'x' }, { key: key.text })
  await search()
  const capped = await search()
  expect(capped.status).toBe(402)
  expect(await capped.json()).toMatchObject({
    code: 'key_cap_reached',
    ...{ required: 1, available: 0 },
    detail: "This call needs €0.000001 and the key's monthly cap leaves €0.000000.",
  })
})

describe('whoever grants credits', () => {
  const grants = (...args: string[]) => runCli(['grants', ...args], { database: shop.ledger.url })
  const add = (...args: string[]) => grants('add', shop.account.accountId, ...args)
  const countLots = async () => (await shop.ledger.sql`select from lots`).length

  test('is told what one is, and reads both figures', async () => {
    const { stderr, status } = await add('10.00')
    expect(status).toBe(1)
    expect(stderr).toContain('not "10.00". 1 credit is €0.000001.')
    expect((await add('20')).stdout).toMatch(/^20 credits \(€0\.000020\) granted: lot /)
    const { stdout } = await grants('adjust', shop.account.accountId, '20')
    expect(stdout).toMatch(/^20 credits \(€0\.000020\) taken: position /)
  })

  test.each([
    ['less than a tenth', '10', 'EUR:1000', 'For €10.000000 grant 10000000'],
    ['more than ten times', '100001', 'EUR:1', 'For €0.010000 grant 10000'],
  ])('for %s of what was paid has to confirm it', async (_, credits, paid, help) => {
    const granted = await countLots()
    const { stderr, status } = await add(credits, '--paid', paid)
    expect(status).toBe(1)
    expect(stderr).toContain(help)
    expect(await countLots()).toBe(granted)
    const confirmed = await add(credits, '--paid', paid, '--yes')
    expect(confirmed.stderr).toBe('')
    expect(confirmed.stdout).toContain(' granted: lot ')
  })

  test.each([
    ['about what was paid', '5000000', 'EUR:1000'],
    ['another currency', '10', 'USD:1000'],
    ['nothing', '10', 'EUR:0'],
  ])('for %s does not', async (_, credits, paid) => {
    expect((await add(credits, '--paid', paid)).stderr).toBe('')
  })
})

describe('once published, it never changes', () => {
  test.each([
    ['other decimals', { name: 'EUR', decimals: 4 }, '{ name: EUR, decimals: 4 }'],
    ['another name', { name: 'USD', decimals: 6 }, '{ name: USD, decimals: 6 }'],
    ['none', undefined, 'nothing of them'],
  ])('to %s', async (_, shown, text) => {
    const file = fileWith(shown)
    const inForce = await readTariffInForce(shop.ledger.sql)
    for (const args of [
      ['prices', 'publish', file, '--yes'],
      ['config', 'check', file, '--database', shop.ledger.url],
    ]) {
      const { stderr, status } = await runCli(args, { database: shop.ledger.url })
      expect(status).toBe(1)
      expect(stderr).toContain(`published as { name: EUR, decimals: 6 }, which never changes`)
      expect(stderr).toContain(`says ${text}`)
    }
    expect(await readTariffInForce(shop.ledger.sql)).toBe(inForce)
  })

  test('whoever publishes: the ledger refuses it, too', async () => {
    for (const shown of [undefined, { ...credits, decimals: 4 }]) {
      const tariff = tariffOf(testConfig(shown && { credits: shown }))
      const refused = await shop.ledger.publish(tariff).catch((error) => error.message)
      expect(refused).toBe('credits are shown in another way since a tariff before')
    }
  })
})

test('a ledger that has said nothing of it can say it', async () => {
  const other = await openShop()
  try {
    const file = fileWith(credits)
    const published = await runCli(['prices', 'publish', file, '--yes'], {
      database: other.ledger.url,
    })
    expect(published.status).toBe(0)
    const { stdout } = await runCli(['prices', 'show'], { database: other.ledger.url })
    expect(stdout).toContain('€0.000001')
  } finally {
    await other.close()
  }
})

test('verify finds nothing wrong with it', async () => {
  const { stdout } = await runCli(['verify', '--json'], { database: shop.ledger.url })
  const { schema, ...found } = JSON.parse(stdout)
  // The tests' own clock.
  expect(schema.faults).toMatchObject([{ object: 'function ledger_now()' }])
  expect(JSON.stringify(found)).toContain('"differing":0')
  expect(JSON.stringify(found)).not.toMatch(/"(faulty|differing)":[1-9]/)
})
