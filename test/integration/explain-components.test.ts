/** What the ledger decides about a call whose price has several components, or rates by a value. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Counted } from '../../events/counted.ts'
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
  const search = tariffOf(loadConfig({ file: example('search'), env: {} }))
  const prices = { ...chat.prices, ...images.prices, ...search.prices }
  ledger = await openLedger({ tariff: { plans: images.plans, prices } })
  const [plan] = Object.keys(images.plans)
  const account = await ledger.account({ plan: plan ?? '' })
  await ledger.grant(account, 100_000)
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

/** A call that was held and charged for what it counted, explained in words and as JSON. */
async function explained(endpoint: string, counted: Counted, credits: number, more: object = {}) {
  const { hold, verdict } = await ledger.hold(key, credits, { ...counted, endpoint, ...more })
  expect(verdict).toBe('ok')
  await ledger.settle(hold, credits, counted)
  const { stdout } = await runCli(['explain', hold.requestId], { database: ledger.url })
  const [, table = ''] = stdout.split('What it costs')
  const lines = table.split('\n').map((line) => line.trim().replace(/ {2,}/g, ' | '))
  return {
    lines: lines.slice(0, lines.indexOf('', 1)),
    json: await runJson(['explain', hold.requestId], { database: ledger.url }),
  }
}

test('a charge has its arithmetic: each component by its rate, and one rounding', async () => {
  const pictures = { quantity: 1, parts: { base: 1, images: 2 }, by: 'fine' }
  const { lines, json } = await explained('images', pictures, 45)
  expect(lines.slice(2)).toEqual([
    'base | 1 | 5 credits | 5.000000',
    'images | fine | 2 | 20 credits | 40.000000',
    'rounding | 0.000000',
    'charged | 45.000000',
  ])
  const each = { credits: 5, unit: 1 }
  expect(json).toMatchObject({
    settled: {
      arithmetic: [
        { component: 'base', by: null, quantity: 1, rate: each, amount: '5.000000' },
        { component: 'images', by: 'fine', quantity: 2, amount: '40.000000' },
      ],
      rounding: '0.000000',
    },
    disagreements: [],
  })
})

test('what is proportional is shown as it is before it is rounded', async () => {
  const tokens = { quantity: 3, parts: { input: 2, output: 1 }, by: 'small' }
  const { lines } = await explained('chat', tokens, 1)
  expect(lines.slice(2)).toEqual([
    'input | small | 2 | 150,000 credits per million | 0.300000',
    'output | small | 1 | 600,000 credits per million | 0.600000',
    'rounding | 0.100000',
    'charged | 1.000000',
  ])
})

test('tiers are shown with what came before in the month', async () => {
  const tiered = { tiered: {} }
  await explained('search', { quantity: 9_999 }, 9_999 * 3, tiered)
  const { lines } = await explained('search', { quantity: 3 }, 9, tiered)
  expect(lines[0]).toBe(', after 9,999 in the month')
  expect(lines.slice(2)).toEqual([
    'request | 1 to 10,000 | 1 | 3 credits | 3.000000',
    'request | 10,001 to 20,000 | 2 | 2 credits | 4.000000',
    'rounding | 0.000000',
    'charged | 7.000000',
  ])
})
