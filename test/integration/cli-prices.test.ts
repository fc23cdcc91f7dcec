/** `tollbook prices` and `tollbook config`, as their users run them. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { configJsonSchema } from '../../src/config/file/file-schema.ts'
import { shippedConfigFile } from '../../src/config/load-config.ts'
import { tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { readTariffInForce } from '../../src/ledger/read/read-tariffs.ts'
import { runCli, runJson } from '../support/cli.ts'
import { shippedConfig } from '../support/management-test-app.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'

let ledger: Ledger
let folder: string

beforeAll(async () => {
  ledger = await openLedger({ tariff: null, shards: 2 })
  folder = mkdtempSync(join(tmpdir(), 'tollbook-prices-'))
})
afterAll(async () => {
  await ledger.close()
  rmSync(folder, { recursive: true, force: true })
})

const prices = (args: string[]) => runCli(['prices', ...args], { database: ledger.url })
const shipped = tariffHash(tariffOf(shippedConfig))

/** The shipped file with one passage replaced. */
function changedFile(from: string, to: string): string {
  const text = readFileSync(shippedConfigFile, 'utf8')
  if (!text.includes(from)) throw new Error(`the shipped configuration has no ${from}`)
  const file = join(folder, `${crypto.randomUUID()}.yaml`)
  writeFileSync(file, text.replace(from, to))
  return file
}

test('an empty ledger has no prices, and says how to publish some', async () => {
  const { status, stderr } = await prices(['show'])
  expect(stderr).toContain('no tariff is in the ledger yet: "tollbook prices publish FILE"')
  expect(status).toBe(1)
})

test('rates are imported from a catalogue into a route, published, and named by the hash of the file', async () => {
  const file = join(folder, 'chat.yaml')
  const catalogue = join(folder, 'models.json')
  writeFileSync(file, readFileSync(join(import.meta.dir, '../../examples/chat.yaml')))
  const models = {
    small: { input_cost_per_token: 1.5e-7, output_cost_per_token: 6e-7, mode: 'chat' },
    long: { input_cost_per_token: 1e-6, input_cost_per_token_above_200k_tokens: 2e-6 },
  }
  writeFileSync(catalogue, JSON.stringify(models))
  const importing = (only: string) =>
    prices([
      ...['import', catalogue, '--route', 'chat', '--only', only, '--config', file],
      ...['--credits', '1000000', '--markup', '1.2'],
    ])
  const refused = await importing('small,long')
  expect(refused.status).toBe(1)
  expect(refused.stderr).toContain('long: has rates that are not by the kind of token')
  const { stdout } = await importing('small')
  expect(stdout).toMatch(/^small +180,000 +720,000/m)
  const sha256 = new Bun.CryptoHasher('sha256').update(readFileSync(catalogue)).digest('hex')
  const { price } = parse(readFileSync(file, 'utf8')).routes.chat
  expect(price).toMatchObject({
    perMillion: { large: { output: 10_000_000 }, small: { input: 180_000, output: 720_000 } },
    catalogue: [{ sha256, markup: '1.2', credits: '1000000', models: ['small'] }],
  })
  const other = await openLedger({ tariff: null })
  try {
    await runCli(['prices', 'publish', file], { database: other.url })
    const shown = await runCli(['prices', 'show'], { database: other.url })
    expect(shown.stdout).toContain(`from the file ${sha256.slice(0, 12)}`)
  } finally {
    await other.close()
  }
})

/** chat.yaml with the price and the models of its chat changed, and a catalogue with `small` and `huge`. */
function importable(change: (file: { credits?: object; routes: { chat: ChatRoute } }) => void) {
  const [file, catalogue] = [join(folder, 'changed.yaml'), join(folder, 'changed.json')]
  const document = parse(readFileSync(join(import.meta.dir, '../../examples/chat.yaml'), 'utf8'))
  change(document)
  writeFileSync(file, stringify(document))
  const costs = { input_cost_per_token: 1.5e-7, output_cost_per_token: 6e-7 }
  writeFileSync(catalogue, JSON.stringify({ small: costs, huge: costs }))
  return {
    chat: () => parse(readFileSync(file, 'utf8')).routes.chat as ChatRoute,
    run: (only: string, ...more: string[]) =>
      prices([
        ...['import', catalogue, '--route', 'chat', '--only', only, '--config', file],
        ...more,
      ]),
  }
}

interface ChatRoute {
  price: { perMillion?: unknown; by?: string }
  request: { json: { properties: { model: { enum: string[] } } } }
}

test('rates are imported for a model that the schema lists already, and nothing is written while one has no rates', async () => {
  const { run, chat } = importable((file) => {
    file.credits = { name: 'USD', decimals: 6 }
    file.routes.chat.request.json.properties.model.enum = ['small', 'large', 'huge']
  })
  const before = chat()
  const incomplete = await run('small')
  expect(incomplete.stderr).toContain('with these rates, cannot be used:')
  expect(incomplete.stderr).toContain('the table has no huge, which /model can be')
  expect(chat()).toEqual(before)
  expect(await run('huge')).toMatchObject({ status: 0 })
  expect(chat().price.perMillion).toMatchObject({
    ...{ small: { input: 150_000 }, large: { input: 2_500_000 }, huge: { input: 150_000 } },
  })
})

test.each([
  ['no rate', undefined],
  ['the rate that the message says', 1],
])('the first rates of a route are imported into a price with %s', async (_, perMillion) => {
  const { run, chat } = importable((file) => {
    file.credits = { name: 'USD', decimals: 6 }
    const { price, request } = file.routes.chat
    for (const name of ['by', 'perMillion'] as const) delete price[name]
    if (perMillion !== undefined) price.perMillion = perMillion
    request.json.properties.model.enum = ['small', 'huge']
  })
  expect(await run('small,huge')).toMatchObject({ status: 0 })
  expect(chat().price).toMatchObject({ by: '/model', perMillion: { small: { input: 150_000 } } })
})

test('costs in dollars are not taken for another currency: a dollar in credits has to be said', async () => {
  const { run, chat } = importable((file) => {
    file.credits = { name: 'EUR', decimals: 6 }
  })
  const before = chat()
  const refused = await run('small')
  expect(refused.stderr).toContain(
    'shows credits as EUR, and catalogues are in US dollars: pass --credits',
  )
  expect(refused.status).toBe(1)
  expect(chat()).toEqual(before)
  expect(await run('small', '--credits', '900000')).toMatchObject({ status: 0 })
  expect(chat().price.perMillion).toMatchObject({ small: { input: 135_000, output: 540_000 } })
})

test('published prices are in force in every shard, and publishing them again does nothing', async () => {
  const { stdout } = await prices(['publish', shippedConfigFile])
  expect(stdout).toContain(`Tariff ${shipped} is published, in force from 2030-06-15 12:00:00 UTC`)
  for (const shard of [0, 1]) expect(await readTariffInForce(ledger.sql, shard)).toBe(shipped)
  const size = await ledger.size()
  const again = await prices(['publish', shippedConfigFile])
  expect(again).toMatchObject({ status: 0 })
  expect(again.stdout).toContain('Nothing to publish')
  expect(await ledger.size()).toBe(size)
  const shown = await prices(['show'])
  expect(shown.stdout).toContain('In force since 2030-06-15 12:00:00 UTC')
  expect(shown.stdout).toMatch(/^pro +EUR 19\.00 +5,000 +100 calls in 60 s +100 +all$/m)
  expect(shown.stdout).toMatch(/^stt-transcribe +10 credits for each started 60 s$/m)
  expect(shown.stdout).toMatch(/^tts-voices +free$/m)
})

test('a file differs by plan and by price, and is published for a time that lies ahead', async () => {
  const file = changedFile('credits: 5000', 'credits: 6000')
  const same = await prices(['diff'])
  expect(same.stdout).toContain('is what is in force')
  const { stdout } = await prices(['diff', file])
  expect(stdout).toMatch(/^plans\.pro\.credits +5000 +6000$/m)
  const options = ['--from', '2030-07-01', '--notice', 'More for everyone.']
  const published = await runJson(['prices', 'publish', file, ...options], { database: ledger.url })
  expect(published.from).toBe('2030-07-01T00:00:00.000Z')
  expect(published.positions).toHaveLength(2)
  expect(await readTariffInForce(ledger.sql)).toBe(shipped)
  const shown = await prices(['show'])
  expect(shown.stdout).toContain('Announced, from 2030-07-01 00:00:00 UTC')
  expect(shown.stdout).toContain('More for everyone.')
  const later = await prices(['diff', file])
  expect(later.stdout).toContain('It is announced, from 2030-07-01 00:00:00 UTC.')
})

test('what was announced is taken back by publishing another tariff for the same time', async () => {
  const back = await prices(['publish', shippedConfigFile, '--from', '2030-07-01'])
  expect(back).toMatchObject({ status: 0, stderr: '' })
  const shown = (await prices(['show'])).stdout
  expect(shown.match(/Announced, from/g)).toHaveLength(1)
  expect(shown).not.toContain('More for everyone.')
  const replaced = changedFile('credits: 5000', 'credits: 6000')
  expect((await prices(['diff', replaced])).stdout).not.toContain('It is announced')
  await ledger.travelTo('2030-07-01T00:00:01Z')
  expect(await readTariffInForce(ledger.sql)).toBe(shipped)
})

test('a changed price, and one that is gone, are printed in plain words', async () => {
  const file = join(folder, 'diff.yaml')
  const document = parse(readFileSync(shippedConfigFile, 'utf8'))
  document.routes.search.price.credits = 2
  delete document.routes['tts-voices']
  writeFileSync(file, stringify(document))
  const { stdout } = await prices(['diff', file])
  expect(stdout).toMatch(/^prices\.search +1 credit a call +2 credits a call$/m)
  expect(stdout).toMatch(/^prices\.tts-voices +free +none$/m)
  const { changes } = await runJson(['prices', 'diff', file], { database: ledger.url })
  expect(changes).toContainEqual({
    ...{ path: 'prices.search', before: { per: 'request', credits: 1 } },
    after: { per: 'request', credits: 2 },
  })
})

test('what else changes is printed in words, too, and a price that costs the same by the fields that differ', async () => {
  const file = join(folder, 'diff-of-terms.yaml')
  const document = parse(readFileSync(shippedConfigFile, 'utf8'))
  const { pro } = document.plans
  Object.assign(pro, {
    fee: { minorUnits: 2_900, currency: 'EUR' },
    rateLimits: [
      { calls: 10, per: '1s' },
      { calls: 1_000, per: '1d' },
    ],
    trial: { credits: 50, days: 14 },
    rollover: { max: 5_000, months: 2 },
    overage: { max: 20_000, fee: { minorUnits: 120, currency: 'EUR' }, per: 1_000 },
    endpoints: ['search', 'tts'],
  })
  delete pro.rateLimit
  delete pro.windowMs
  document.plans.basic = { ...pro, trial: undefined }
  document.packs = {
    small: { credits: 10_000, price: { minorUnits: 2_500, currency: 'EUR' }, validDays: 365 },
  }
  document.routes['stt-transcribe'].price.hold.maxSeconds = 600
  writeFileSync(file, stringify(document))
  const { stdout } = await prices(['diff', file])
  expect(stdout).not.toMatch(/[{}"]/)
  expect(stdout).toMatch(
    /^plans\.basic +none +EUR 29\.00 a month, 5,000 credits a month, 10 calls in 1 s, 1,000 calls in 1 day, rollover of 5,000 credits for 2 months, overage of 20,000 credits at EUR 1\.20 for each started 1,000 credits$/m,
  )
  expect(stdout).toMatch(/^plans\.pro\.fee +EUR 19\.00 +EUR 29\.00$/m)
  expect(stdout).toMatch(/^plans\.pro\.rateLimits +none +10 calls in 1 s, 1,000 calls in 1 day$/m)
  expect(stdout).toMatch(/^plans\.pro\.trial +none +trial of 50 credits for 14 days$/m)
  expect(stdout).toMatch(/^plans\.pro\.rollover +none +rollover of 5,000 credits for 2 months$/m)
  expect(stdout).toMatch(
    /^plans\.pro\.overage +none +overage of 20,000 credits at EUR 1\.20 for each started 1,000 credits$/m,
  )
  expect(stdout).toMatch(/^plans\.pro\.endpoints +all +search, tts$/m)
  expect(stdout).toMatch(
    /^packs\.small +5,000 credits for EUR 9\.00, .* 10,000 credits for EUR 25\.00, good for 365 days$/m,
  )
  expect(stdout).toMatch(/^prices\.stt-transcribe +hold: .*maxSeconds 600/m)
})

test('a time that has passed is refused', async () => {
  const file = changedFile('credits: 5000', 'credits: 7000')
  const { status, stderr } = await prices(['publish', file, '--from', '2030-06-01'])
  expect(stderr).toContain('the time must lie ahead (from)')
  expect(status).toBe(1)
})

test('a configuration is checked, and everything that is wrong in it is printed with its line', async () => {
  const good = await runCli(['config', 'check'])
  expect(good).toMatchObject({ status: 0, stderr: '' })
  expect(good.stdout).toContain('is valid.')
  expect(good.stdout).toMatch(/^search +POST +\/v1\/search +search +1 credit a call +search$/m)
  expect(good.stdout).toMatch(/^pro +EUR 19\.00 +5,000 +100 calls in 60 s +100 +all$/m)
  const terms = 'credits: 5000\n    trial: { credits: 50, days: 14 }\n    firstMonth: prorated'
  const more = await runCli(['config', 'check', changedFile('credits: 5000', terms)])
  expect(more.stdout).toMatch(
    /^pro +EUR .* all +trial of 50 credits for 14 days, first month prorated$/m,
  )
  const bad = changedFile('credits: 5000', 'credits: many')
  const { status, stdout, stderr } = await runCli(['config', 'check', bad], {
    env: { PORT: 'high' },
  })
  expect(stderr).toMatch(/plans\.pro\.credits: expected .*, got "many" \(line \d+\)/)
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  const environment = await runCli(['config', 'check'], { env: { PORT: 'high' } })
  expect(environment.stderr).toContain('PORT: expected an integer')
})

test('the schema of the configuration is printed for editors', async () => {
  const { stdout } = await runCli(['config', 'schema'])
  expect(JSON.parse(stdout)).toEqual(configJsonSchema)
})
