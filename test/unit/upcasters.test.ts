/**
 * What was once written can always be read: for every version of every type there is a payload as it was
 * written then, which is never changed again, and it reads as today's.
 */
import { expect, test } from 'bun:test'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { catalogue, type EventType } from '../../events/catalogue.ts'
import { upcast } from '../../events/upcasters.ts'
import fixtures from '../fixtures/events-as-written.json' with { type: 'json' }

const entries = Object.entries(fixtures).map(([name, payload]) => {
  const [type = '', version = ''] = name.split('@')
  return { name, type: type as EventType, version: Number(version), payload }
})

test('there is a fixture for every version of every type', () => {
  const expected = Object.entries(catalogue).flatMap(([type, { version }]) =>
    Array.from({ length: version }, (_, i) => `${type}@${i + 1}`),
  )
  expect(Object.keys(fixtures).sort()).toEqual(expected.sort())
})

test.each(entries)('$name reads as the type is today', ({ type, version, payload }) => {
  const before = structuredClone(payload)
  const today = upcast(type, version, deeplyFrozen(payload))
  const check = TypeCompiler.Compile(catalogue[type].payload)
  expect([...check.Errors(today)]).toEqual([])
  expect(payload).toEqual(before)
  // What is of today's version already stays as it is.
  expect(upcast(type, catalogue[type].version, today)).toEqual(today)
})

/** An upcaster that changed what it was given would fail. */
function deeplyFrozen<T extends object>(value: T): T {
  for (const each of Object.values(value)) {
    if (typeof each === 'object' && each !== null) deeplyFrozen(each)
  }
  return Object.freeze(value)
}
