import { describe, expect, test } from 'bun:test'
import { type Tariff, tariffHash, tariffOf } from '../../src/config/tariff.ts'
import { decideTariff } from '../../src/management/decide-tariff.ts'
import { testConfig } from '../support/test-config.ts'

const before = tariffOf(testConfig())
const now = new Date('2030-06-15T12:00:00Z')
const state = { now, inForce: tariffHash(before), before, scale: undefined }
const scale = { name: 'EUR', decimals: 6 }
const cheaper: Tariff = {
  ...before,
  prices: { ...before.prices, search: { per: 'request', credits: 7 } },
}

describe('a tariff', () => {
  test('is in force at once where no time is named, or from its time on', () => {
    expect(decideTariff(state, { tariff: cheaper })).toEqual({ starts: now })
    const from = '2030-07-01T00:00:00.000Z'
    expect(decideTariff(state, { tariff: cheaper, from })).toEqual({ starts: new Date(from) })
  })

  test('that is in force is not published again, unless it takes back what was announced for a time', () => {
    expect(decideTariff(state, { tariff: before })).toBe('in_force')
    const from = '2030-07-01T00:00:00.000Z'
    expect(decideTariff(state, { tariff: before, from })).toEqual({ starts: new Date(from) })
    expect(decideTariff({ ...state, inForce: null }, { tariff: before })).toEqual({ starts: now })
  })

  test('is refused for a time that has passed', () => {
    const past = { tariff: cheaper, from: '2030-06-15T11:59:59Z' }
    expect(decideTariff(state, past)).toMatchObject({ refused: 'time_passed', field: 'from' })
  })

  test('is refused with what would disappear, until that is meant', () => {
    const { pro, ...plans } = before.plans
    const { search, ...prices } = cheaper.prices
    const tariff = { plans, prices }
    const packs = Object.keys(before.packs ?? {})
    expect(packs).not.toEqual([])
    expect(decideTariff(state, { tariff })).toMatchObject({
      refused: 'would_drop',
      dropped: ['plans: pro', 'prices of routes: search', `packs: ${packs.join(', ')}`],
    })
    expect(decideTariff(state, { tariff, mayDrop: true })).toEqual({ starts: now })
    expect([pro, search]).not.toContain(undefined)
  })

  test('is refused where it shows credits in another way than one before', () => {
    for (const credits of [undefined, { ...scale, decimals: 4 }, { ...scale, name: 'USD' }]) {
      expect(decideTariff({ ...state, scale }, { tariff: { ...cheaper, credits } })).toMatchObject({
        refused: 'scale_changed',
        expected: '{ name: EUR, decimals: 6 }',
      })
    }
    const same = { tariff: { ...cheaper, credits: { ...scale } } }
    expect(decideTariff({ ...state, scale }, same)).toEqual({ starts: now })
  })
})
