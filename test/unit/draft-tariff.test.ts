import { describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { type DraftTariff, draftTariff } from '../../src/config/draft-tariff.ts'
import { loadConfig, shippedConfigFile } from '../../src/config/load-config.ts'
import { type Tariff, tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { testConfig } from '../support/test-config.ts'

const config = testConfig()
const served = tariffOf(config)

/** As a body of JSON brings it. */
function asJson(tariff: Tariff): DraftTariff {
  return JSON.parse(JSON.stringify(tariff))
}

function faultsOf(draft: DraftTariff): string[] {
  const drafted = draftTariff(config, draft)
  if (!('faults' in drafted)) throw new Error('it has no fault')
  return drafted.faults.map(({ path, message }) => `${path.join('/')}: ${message}`)
}

function hashOf(drafted: ReturnType<typeof draftTariff>): string {
  return 'faults' in drafted ? JSON.stringify(drafted.faults) : tariffHash(drafted)
}

describe('a draft', () => {
  const examples = readdirSync('examples').filter((name) => name.endsWith('.yaml'))
  test.each([shippedConfigFile, ...examples.map((name) => `examples/${name}`)])(
    'of what %s says is the tariff of that file',
    (file) => {
      const loaded = loadConfig({ file, env: {} })
      const tariff = tariffOf(loaded)
      expect(hashOf(draftTariff(loaded, asJson(tariff)))).toBe(tariffHash(tariff))
      // As the file has it, without what is filled in.
      const { written } = loaded
      const prices = Object.fromEntries(
        Object.entries(written.routes).map(([id, { price }]) => [id, price]),
      )
      const { plans, credits, packs } = written
      const asWritten = { plans, prices, ...(credits && { credits }), ...(packs && { packs }) }
      expect(hashOf(draftTariff(loaded, asWritten))).toBe(tariffHash(tariff))
    },
  )

  test('leaves out what a file may leave out', () => {
    const { grantable: _, ...pro } = config.plans.pro ?? {}
    const draft = { ...asJson(served), plans: { ...served.plans, pro } }
    expect(hashOf(draftTariff(config, draft))).toBe(tariffHash(served))
  })

  test('is checked as a file is, and every fault is said where it stands in the draft', () => {
    const { search: _, ...prices } = served.prices
    expect(
      faultsOf({
        ...asJson(served),
        plans: { ...served.plans, pro: { ...served.plans.pro, credits: -1 } },
        prices: { ...prices, serch: { per: 'request', credits: 1 } },
      }).sort(),
    ).toEqual([
      'plans/pro/credits: expected an integer from 0 to 1000000000000, got -1',
      expect.stringMatching(/^prices\/search: missing/),
      'prices/serch: no such route is served: "serch", did you mean search?',
    ])
    // A price that could not be held at an upper bound.
    expect(
      faultsOf({ ...asJson(served), prices: { ...served.prices, search: { per: 'byte' } } }),
    ).not.toEqual([])
    // The plan of new accounts.
    const { free: __, ...plans } = served.plans
    expect(faultsOf({ ...asJson(served), plans }).join()).toContain('defaultPlan: ')
  })

  test('of hostile names is refused, and no name is more than a name', () => {
    for (const name of ['__proto__', 'constructor', 'toString', '']) {
      const draft = JSON.parse(
        JSON.stringify({ ...served, prices: {} }).replace('"prices":{}', `"prices":{"${name}":1}`),
      )
      expect(faultsOf(draft).join()).toContain('no such route is served')
    }
  })
})
