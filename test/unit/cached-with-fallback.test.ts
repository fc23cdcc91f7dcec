import { expect, test } from 'bun:test'
import { cachedWithFallback } from '../../src/lib/cached-with-fallback.ts'

const always = { freshMs: 60_000, maxStaleMs: 60_000, deadlineMs: 10_000, onError: () => {} }
const never = { ...always, freshMs: -1 }

/** A question whose answers come when the test gives them. */
function question() {
  const asked: PromiseWithResolvers<string>[] = []
  return {
    asked,
    ask() {
      const answer = Promise.withResolvers<string>()
      asked.push(answer)
      return answer.promise
    },
  }
}

test('many who ask at once are one question', async () => {
  const { asked, ask } = question()
  const read = cachedWithFallback(ask, always)
  const answers = [read(), read(), read()]
  asked[0]?.resolve('yes')
  expect(await Promise.all(answers)).toEqual(['yes', 'yes', 'yes'])
  expect(await read()).toBe('yes')
  expect(asked).toHaveLength(1)
})

test('an answer that is no longer fresh is asked for again', async () => {
  const { asked, ask } = question()
  const read = cachedWithFallback(ask, never)
  for (const text of ['one', 'two']) {
    const answer = read()
    asked.at(-1)?.resolve(text)
    expect(await answer).toBe(text)
  }
})

test('nobody waits beyond the deadline, and an answer that is late serves the next', async () => {
  const { asked, ask } = question()
  const read = cachedWithFallback(ask, { ...always, deadlineMs: 1 })
  expect(await read()).toBeUndefined()
  expect(await read()).toBeUndefined()
  expect(asked).toHaveLength(1)
  asked[0]?.resolve('late')
  await asked[0]?.promise
  expect(await read()).toBe('late')
})

test('a failure is told, is no answer, and is asked again', async () => {
  const { asked, ask } = question()
  const errors: unknown[] = []
  const read = cachedWithFallback(ask, { ...always, onError: (error) => errors.push(error) })
  const failed = read()
  asked[0]?.reject('away')
  expect(await failed).toBeUndefined()
  expect(errors).toEqual(['away'])
  const next = read()
  asked[1]?.resolve('back')
  expect(await next).toBe('back')
})

test('while a newer answer cannot be had, the last one serves for as long as it is usable', async () => {
  const { asked, ask } = question()
  const read = cachedWithFallback(ask, never)
  const first = read()
  asked[0]?.resolve('old')
  await first
  const second = read()
  asked[1]?.reject(new Error('away'))
  expect(await second).toBe('old')
  const strict = cachedWithFallback(ask, { ...never, maxStaleMs: -1 })
  const third = strict()
  asked[2]?.resolve('at once too old')
  expect(await third).toBeUndefined()
})
