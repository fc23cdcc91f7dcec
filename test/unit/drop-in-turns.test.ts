/** Entries of a Map that are over are forgotten a few at a time. */
import { expect, test } from 'bun:test'
import { dropInTurns } from '../../src/lib/drop-in-turns.ts'

test('what is over is gone once all have had their turn, and what is not stays', () => {
  const entries = new Map(Array.from({ length: 100 }, (_, n) => [`n${n}`, n]))
  const drop = dropInTurns(entries)
  for (let calls = 0; calls < 25; calls++) drop((n) => n % 2 === 0)
  expect([...entries.values()]).toEqual(Array.from({ length: 50 }, (_, n) => 2 * n + 1))
})

test('entries that come and end for ever do not become many', () => {
  const entries = new Map<string, number>()
  const drop = dropInTurns(entries)
  let most = 0
  for (let now = 0; now < 10_000; now++) {
    drop((overAt) => overAt <= now)
    entries.set(`n${now}`, now + 10)
    most = Math.max(most, entries.size)
  }
  expect(most).toBeLessThan(40)
})
