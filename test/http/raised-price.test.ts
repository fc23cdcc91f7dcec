/**
 * A seller of four models raises their prices, as one does it: they are published with notice for next month, tried over last month,
 * and what last month should have cost is taken, once. The prices' file and the command line are those of users.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { loadConfig } from '../../src/config/load-config.ts'
import { tariffOf } from '../../src/config/tariff.ts'
import { readBalance } from '../../src/reports/account/balance.ts'
import { runCli, runJson } from '../support/cli.ts'
import { openShop, type Shop } from '../support/shop.ts'

/** Credits for a million tokens: input, cached input, output; and what they become. */
const rates = {
  tiny: { before: [40_000, 10_000, 160_000], after: [40_000, 10_000, 160_000] },
  small: { before: [150_000, 75_000, 600_000], after: [180_000, 90_000, 720_000] },
  large: { before: [2_500_000, 1_250_000, 10_000_000], after: [3_000_000, 1_500_000, 12_000_000] },
  huge: { before: [15_000_000, 7_500_000, 60_000_001], after: [20_000_000, 1, 60_000_000] },
} as const
type Model = keyof typeof rates
type When = 'before' | 'after'
const models = Object.keys(rates) as Model[]

const folder = mkdtempSync(join(tmpdir(), 'tollbook-raised-'))
const fileOf = (when: When) => join(folder, `${when}.yaml`)

/** The example of a chat, with four models. */
function writePrices(when: When) {
  const file = parse(readFileSync(join(import.meta.dir, '../../examples/chat.yaml'), 'utf8'))
  file.services.chat.urlEnv = 'CHAT_SERVICE_URL'
  const { request, price } = file.routes.chat
  request.json.properties.model.enum = models
  price.perMillion = Object.fromEntries(
    models.map((model) => {
      const [input, cached, output] = rates[model][when]
      return [model, { input, cached, output }]
    }),
  )
  writeFileSync(fileOf(when), stringify(file))
  return file
}

let shop: Shop
beforeAll(async () => {
  const config = writePrices('before')
  writePrices('after')
  const tariff = tariffOf(loadConfig({ file: fileOf('before'), env: {} }))
  shop = await openShop({ config, tariff, dedicatedHolds: true })
})
afterAll(async () => {
  await shop.close()
  rmSync(folder, { recursive: true, force: true })
})

const used = { input: 1_001, cached: 333, output: 77 }

function byHand(model: Model, when: When): number {
  const [input, cached, output] = rates[model][when].map(BigInt)
  const millionths =
    BigInt(used.input - used.cached) * (input ?? 0n) +
    BigInt(used.cached) * (cached ?? 0n) +
    BigInt(used.output) * (output ?? 0n)
  return Number((millionths + 999_999n) / 1_000_000n)
}

const sumOf = (when: When) => models.reduce((sum, model) => sum + byHand(model, when), 0)

async function chargesOfAll(): Promise<(string | null)[]> {
  const usage = {
    ...{ prompt_tokens: used.input, completion_tokens: used.output },
    ...{ total_tokens: used.input + used.output },
    prompt_tokens_details: { cached_tokens: used.cached },
  }
  const choices = [{ index: 0, message: { role: 'assistant', content: 'hi' } }]
  shop.upstream.respond(() => Response.json({ choices, usage }))
  const charges: (string | null)[] = []
  for (const model of models) {
    const content = 'Good morning. '.repeat(300)
    const messages = [{ role: 'user', content }]
    const response = await shop.post('/v1/chat/completions', { model, messages })
    charges.push(response.headers.get('x-credits-charged'))
  }
  return charges
}

const pricesOf = (when: When) => models.map((model) => String(byHand(model, when)))
const notice = 'Large models cost more from July.'

test('a price raised from next month, with notice, is tried over last month and made up for once', async () => {
  const database = shop.ledger.url
  expect(await chargesOfAll()).toEqual(pricesOf('before'))

  const publish = ['prices', 'publish', fileOf('after'), '--from', '2030-07-01']
  const published = await runCli([...publish, '--notice', notice], { database })
  expect(published.stdout).toContain('is published, in force from 2030-07-01 00:00:00 UTC')
  const shown = await runCli(['prices', 'show'], { database })
  expect(shown.stdout).toContain('Announced, from 2030-07-01 00:00:00 UTC')
  expect(shown.stdout).toContain(notice)
  expect(await (await shop.fetch('/v1/prices')).text()).toContain(notice)
  // Announced is not in force.
  expect(await chargesOfAll()).toEqual(pricesOf('before'))

  await shop.ledger.travelTo('2030-07-01T00:00:00Z')
  expect(await chargesOfAll()).toEqual(pricesOf('after'))

  const simulate = ['simulate', '--prices', fileOf('after'), '--from', '2030-06']
  const [actual, simulated] = [2 * sumOf('before'), 2 * sumOf('after')]
  const tried = await runJson(simulate, { database })
  expect(tried).toMatchObject({
    final: true,
    unpriced: [],
    totals: { credits: { actual, simulated } },
  })
  const inForceThen = ['simulate', '--prices', fileOf('before'), '--from', '2030-06']
  const { totals } = await runJson(inForceThen, { database })
  expect(totals.credits).toEqual({ actual, simulated: actual })

  const available = async () =>
    (await readBalance(shop.ledger.sql, shop.account.accountId, 'live'))?.available ?? 0
  const had = await available()
  const commit = [...simulate, '--commit', '--reason', 'the contract says so']
  const { accountId } = shop.account
  const { written } = await runJson(commit, { database })
  expect(written).toMatchObject([{ accountId, credits: actual - simulated }])
  expect(await available()).toBe(had - (simulated - actual))
  expect((await runJson(commit, { database })).written).toEqual([])
  expect(await available()).toBe(had - (simulated - actual))

  const july = ['report', 'statement', '--account', accountId, '--month', '2030-07']
  const statement = await runJson(july, { database })
  expect(statement.charges.credits).toBe(sumOf('after'))
  expect(statement.account.adjustments).toMatchObject([{ credits: simulated - actual }])
})
