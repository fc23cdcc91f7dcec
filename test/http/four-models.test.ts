/**
 * A chat API of four models through the official client, streamed and not: every charge is what a calculation by hand gives, the
 * statement says it by model and kind, and other prices are tried on the calls that were made.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import OpenAI from 'openai'
import { tariffOf } from '../../src/config/tariff.ts'
import { simulateTariff } from '../../src/reports/simulate/simulate-tariff.ts'
import { readStatement } from '../../src/reports/statement/read-statement.ts'
import { chatConfig, done, event, tokens } from '../support/chat.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { testConfig } from '../support/test-config.ts'

/** Credits for a million tokens: input, cached input, output. */
const rates = {
  tiny: [40_000, 10_000, 160_000],
  small: [150_000, 75_000, 600_000],
  large: [2_500_000, 1_250_000, 10_000_000],
  huge: [15_000_000, 7_500_000, 60_000_001],
} as const
type Model = keyof typeof rates
const models = Object.keys(rates) as Model[]

const { services, routes } = chatConfig()
const configWith = (factor: number) => ({
  services,
  plans: { pro: { credits: 5_000_000 } },
  routes: {
    chat: {
      ...(routes as { chat: object }).chat,
      price: {
        ...{ per: 'token', by: '/model' },
        perMillion: Object.fromEntries(
          models.map((model) => {
            const [input, cached, output] = rates[model].map((rate) => rate * factor)
            return [model, { input, cached, output }]
          }),
        ),
        hold: { bytesPerToken: 4, limit: ['/max_tokens'], most: 4_096, step: 256 },
      },
    },
  },
})

let shop: Shop
beforeAll(async () => {
  shop = await openShop({ config: configWith(1) })
})
afterAll(() => shop.close())

/** What was said of each call. */
const said = [
  { input: 17, cached: 0, output: 5 },
  { input: 1_001, cached: 333, output: 77 },
] as const

function byHand(
  model: Model,
  { input, cached, output }: (typeof said)[number],
  factor = 1,
): number {
  const [ofInput, ofCached, ofOutput] = rates[model].map((rate) => BigInt(rate * factor))
  const millionths =
    BigInt(input - cached) * (ofInput ?? 0n) +
    BigInt(cached) * (ofCached ?? 0n) +
    BigInt(output) * (ofOutput ?? 0n)
  return Number((millionths + 999_999n) / 1_000_000n)
}

test('every call costs what it does by hand, and the statement and a simulation add them up', async () => {
  const key = await shop.newKey()
  const client = new OpenAI({ apiKey: key.text, baseURL: `${shop.gateway.url}/v1`, maxRetries: 0 })
  let [sum, dearer] = [0, 0]
  for (const model of models) {
    for (const of of said) {
      const usage = {
        ...{ prompt_tokens: of.input, completion_tokens: of.output },
        ...{ total_tokens: of.input + of.output },
        prompt_tokens_details: { cached_tokens: of.cached },
      }
      for (const stream of [false, true]) {
        const choices = [{ index: 0, message: { role: 'assistant', content: 'hi' } }]
        const whole = JSON.stringify({ choices, usage })
        const events = tokens(of.output) + event({ choices: [], usage }) + done
        const type = stream ? 'text/event-stream' : 'application/json'
        shop.upstream.respond(
          () => new Response(stream ? events : whole, { headers: { 'content-type': type } }),
        )
        const messages = [{ role: 'user' as const, content: 'Good morning.' }]
        const { data, response } = await client.chat.completions
          .create({ model, messages, stream })
          .withResponse()
        if (Symbol.asyncIterator in data) for await (const _ of data);
        const settled = await shop.outcomeOf(response.headers.get('x-request-id'), 'HoldSettled')
        expect(settled.at(-1)?.credits).toBe(byHand(model, of))
        sum += byHand(model, of)
        dearer += byHand(model, of, 2)
      }
    }
  }
  const [row] = await shop.ledger.sql<[{ now: Date }]>`select ledger_now() as now`
  const month = row.now.toISOString().slice(0, 7)
  const statement = await readStatement(shop.ledger.sql, { keyId: key.keyId, month })
  expect(statement?.charges.credits).toBe(sum)
  const lines = statement?.charges.byComponent ?? []
  const quantities = lines.map(({ component, by, quantity }) => `${component} ${by} ${quantity}`)
  for (const model of models) {
    // Each was said twice: 17 + 668 tokens of input, 333 cached, 82 of output.
    expect(quantities).toContain(`input ${model} 1370`)
    expect(quantities).toContain(`cached ${model} 666`)
    expect(quantities).toContain(`output ${model} 164`)
  }
  const micros = lines.reduce((all, { amount }) => all + BigInt(amount.replace('.', '')), 0n)
  expect(micros).toBe(BigInt(sum) * 1_000_000n)

  const simulated = async (factor: number) => {
    const tariff = tariffOf(testConfig(configWith(factor)))
    const { totals } = await simulateTariff(shop.ledger.sql, { tariff, from: month, to: month })
    return totals.credits
  }
  expect(await simulated(1)).toEqual({ actual: sum, simulated: sum })
  expect(await simulated(2)).toEqual({ actual: sum, simulated: dearer })
})
