/** What the ledger decides about a call whose price has several components, or rates by a value. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { loadConfig } from '../../src/config/load-config.ts'
import { tariffOf } from '../../src/config/tariff.ts'
import { runCli, runJson } from '../support/cli.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

const example = (name: string) => join(import.meta.dir, `../../examples/${name}.yaml`)
const config = example('images')

let ledger: Ledger
let key: TestKey
beforeAll(async () => {
  const chat = tariffOf(loadConfig({ file: example('chat'), env: {} }))
  const images = tariffOf(loadConfig({ file: config, env: {} }))
  const prices = { ...chat.prices, ...images.prices }
  ledger = await openLedger({ tariff: { plans: images.plans, prices } })
  const [plan] = Object.keys(images.plans)
  const account = await ledger.account({ plan: plan ?? '' })
  await ledger.grant(account, 1_000)
  key = await ledger.key(account)
})
afterAll(() => ledger.close())

const ask = (route: string, file: string, more: readonly string[]) => [
  ...['explain', '--key', key.keyId, '--route', route, '--config', file],
  ...['--at', ledger.now.toISOString(), ...more],
]

test('components are counted by their names, at the rate of a name in the table', async () => {
  const args = ask('images', config, ['--quantity', 'images=2', '--by', 'fine'])
  const { stdout } = await runCli(args, { database: ledger.url })
  expect(stdout).toStartWith('ok: the call needs 45 credits')
  expect(stdout).toContain('images 2, at the rate of fine: 45 credits')
  expect(await runJson(args, { database: ledger.url })).toMatchObject({
    call: { counted: { quantity: 1, parts: { images: 2 }, by: 'fine' }, credits: 45 },
  })
})

test('kinds of tokens are, too', async () => {
  const more = ['--quantity', 'input=2,output=2', '--by', 'large']
  const { stdout } = await runCli(ask('chat', example('chat'), more), { database: ledger.url })
  expect(stdout).toStartWith('ok: the call needs 25 credits')
})

test.each([
  [['--quantity', 'images=2'], 'its price has a rate for each of draft, fine: pass one as --by.'],
  [['--by', 'coarse'], 'its price has no rate for coarse: --by takes one of draft, fine.'],
  [
    ['--by', 'fine', '--quantity', '2'],
    'its price has several components: pass --quantity images=N, or --credits.',
  ],
  [
    ['--by', 'fine', '--quantity', 'image=2'],
    'its price has no component image, but base, images.',
  ],
  [['--quantity', 'images=two'], '--quantity images takes a whole number'],
  [['--quantity', 'images=1,images=2'], '--quantity says a component twice.'],
  [['--by', 'fine', '--credits', '3'], 'pass one'],
])('%j: %s', async (more, sentence) => {
  const { status, stderr } = await runCli(ask('images', config, more), { database: ledger.url })
  expect(stderr).toContain(sentence)
  expect(status).toBe(1)
})
