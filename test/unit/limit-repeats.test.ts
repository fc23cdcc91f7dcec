import { expect, test } from 'bun:test'
import { limitRepeats } from '../../src/lib/limit-repeats.ts'

function openLog() {
  const written: [message: string, suppressed: number][] = []
  const clock = { nowMs: 0 }
  const warn = limitRepeats<unknown>(
    (message, _, suppressed) => written.push([message, suppressed]),
    () => clock.nowMs,
  )
  return { written, clock, warn }
}

test('the same message is written once a second, with how often it was suppressed', () => {
  const { written, clock, warn } = openLog()
  for (let i = 0; i < 5; i++) warn('away')
  clock.nowMs = 1_000
  warn('away')
  warn('away')
  expect(written).toEqual([
    ['away', 0],
    ['away', 4],
  ])
})

test('different messages are all written', () => {
  const { written, warn } = openLog()
  for (const message of ['a', 'b', 'b', 'c']) warn(message)
  expect(written).toEqual([
    ['a', 0],
    ['b', 0],
    ['c', 1],
  ])
})
