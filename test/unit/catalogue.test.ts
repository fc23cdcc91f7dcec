import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { catalogue, type EventType } from '../../events/catalogue.ts'
import type { CatalogueEntry } from '../../events/catalogue-entry.ts'
import { eventTypes, typesWith } from '../../events/event-types.ts'
import { typeIn, typeNotIn } from '../../events/type-condition.ts'
import { projections } from '../../projections/index.ts'
import { capTypes } from '../../projections/key-caps.ts'
import fixtures from '../fixtures/events-as-written.json' with { type: 'json' }

describe('payloads only gain optional fields', () => {
  test('there is a payload of every type, as it was first written', () => {
    expect(Object.keys(fixtures).sort()).toEqual([...eventTypes].sort())
  })

  test.each(Object.entries(fixtures))('%s is valid as it was first written', (type, payload) => {
    const check = TypeCompiler.Compile(catalogue[type as EventType].payload)
    expect([...check.Errors(payload)]).toEqual([])
  })
})

describe('every projection considers the types that concern it', () => {
  /** The projections that have a statement for the type. */
  const considering = (type: EventType) =>
    projections
      .filter(({ apply }) => apply.some((statement) => statement.eventTypes.includes(type)))
      .map(({ name }) => name)

  test.each(eventTypes)('%s', (type) => {
    const { stream, hold, lot, moves, debt, counts }: CatalogueEntry = catalogue[type]
    const names = considering(type)
    const moveCredits = hold ?? lot ?? moves ?? debt
    expect(names.includes('account_state')).toBe(stream === 'account')
    expect(names.includes('key_state')).toBe(stream === 'key')
    expect(names.includes('operator_keys')).toBe(stream === 'operators')
    expect(names.includes('tariffs')).toBe(type === 'TariffPublished')
    expect(names.includes('balances')).toBe(moveCredits !== undefined || stream === 'account')
    const capsKeys = capTypes.includes(type)
    const usesCaps = hold !== undefined || moves === 'refunded'
    expect(names.includes('key_caps')).toBe(capsKeys || usesCaps)
    expect(names.includes('budgets')).toBe(usesCaps)
    const isInMonths = stream === 'credits' && counts !== 'imported' && counts !== 'refused'
    expect(names.includes('monthly_balances')).toBe(isInMonths || capsKeys)
    expect(names.includes('daily_usage')).toBe(
      hold === 'resolves' || counts === 'free' || counts === 'imported',
    )
    expect(names.includes('daily_refusals')).toBe(counts === 'refused')
    const isCall = hold === 'resolves' || counts !== undefined
    expect(names.includes('hourly_usage')).toBe(isCall)
    expect(names.includes('account_hourly_usage')).toBe(isCall)
    expect(names.includes('daily_lots')).toBe(moves !== undefined)
    // A credits event without any effect would be missing from every rule that is derived from effects.
    if (stream === 'credits') expect(moveCredits ?? counts).toBeDefined()
  })

  test.each(projections)('a statement of $name that names a type runs for it', ({ apply }) => {
    for (const { sql, eventTypes } of apply) {
      const included = sql.replaceAll(/type (<> '\w+'|not in \([^)]*\))/g, '')
      const missing = namedIn(included).filter((type) => !eventTypes.includes(type as EventType))
      expect(missing).toEqual([])
    }
  })
})

describe('SQL names types that there are', () => {
  const root = join(import.meta.dir, '../..')
  const files = [
    ...new Bun.Glob(
      `{projections,src/{projector,reports,ledger/{sql,read}}}/**/*.{ts,sql}`,
    ).scanSync(root),
  ]

  test.each(files.filter((file) => namedIn(textOf(file)).length > 0))('%s', (file) => {
    const unknown = namedIn(textOf(file)).filter((name) => !Object.hasOwn(catalogue, name))
    expect(unknown).toEqual([])
  })

  function textOf(file: string): string {
    return readFileSync(join(root, file), 'utf8')
  }
})

test('a condition on one type is an equation, and one on several a list', () => {
  expect(typeIn(['HoldSettled'])).toBe(`type = 'HoldSettled'`)
  expect(typeNotIn(['HoldSettled'], 'e.type')).toBe(`e.type <> 'HoldSettled'`)
  expect(typeIn(typesWith('counts'))).toBe(
    `type in ('CallsCounted', 'CallsRefused', 'UsageImported')`,
  )
  expect(typeNotIn(typesWith('counts'))).toBe(
    `type not in ('CallsCounted', 'CallsRefused', 'UsageImported')`,
  )
})

/** Quoted words that can only be types of events: those that begin as such types do. */
function namedIn(text: string): string[] {
  const beginnings = [...new Set(eventTypes.map((type) => /^[A-Z][a-z]+/.exec(type)?.[0]))]
  const quoted = text.matchAll(new RegExp(`'((?:${beginnings.join('|')})[A-Z][A-Za-z]+)'`, 'g'))
  return [...new Set([...quoted].map((match) => match[1] ?? ''))]
}
