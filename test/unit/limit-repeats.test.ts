import { expect, test } from 'bun:test'
import { limitRepeats } from '../../src/lib/limit-repeats.ts'

function speaker() {
  const said: [string, number][] = []
  const clock = { nowMs: 0 }
  const say = limitRepeats<unknown>(
    (message, _, suppressed) => said.push([message, suppressed]),
    () => clock.nowMs,
  )
  return { said, clock, say }
}

test('the same thing is said once a second, with how often it was not', () => {
  const { said, clock, say } = speaker()
  for (let i = 0; i < 5; i++) say('away')
  clock.nowMs = 1_000
  say('away')
  say('away')
  expect(said).toEqual([
    ['away', 0],
    ['away', 4],
  ])
})

test('different things are all said', () => {
  const { said, say } = speaker()
  for (const message of ['a', 'b', 'b', 'c']) say(message)
  expect(said).toEqual([
    ['a', 0],
    ['b', 0],
    ['c', 1],
  ])
})
