import { expect, test } from 'bun:test'
import { cachedWithFallback } from '../../src/lib/cached-with-fallback.ts'

const alwaysFresh = { maxAgeMs: 60_000, maxStaleMs: 60_000, timeoutMs: 10_000, onError: () => {} }
const neverFresh = { ...alwaysFresh, maxAgeMs: -1 }

/** A source whose reads end when the test says so. */
function openSource() {
  const reads: PromiseWithResolvers<string>[] = []
  return {
    reads,
    read() {
      const read = Promise.withResolvers<string>()
      reads.push(read)
      return read.promise
    },
  }
}

test('many who ask at once cause one read', async () => {
  const { reads, read } = openSource()
  const cached = cachedWithFallback(read, alwaysFresh)
  const values = [cached(), cached(), cached()]
  reads[0]?.resolve('yes')
  expect(await Promise.all(values)).toEqual(['yes', 'yes', 'yes'])
  expect(await cached()).toBe('yes')
  expect(reads).toHaveLength(1)
})

test('a value that is no longer fresh is read again', async () => {
  const { reads, read } = openSource()
  const cached = cachedWithFallback(read, neverFresh)
  for (const text of ['one', 'two']) {
    const value = cached()
    reads.at(-1)?.resolve(text)
    expect(await value).toBe(text)
  }
})

test('nobody waits beyond the timeout, and a late value serves whoever asks next', async () => {
  const { reads, read } = openSource()
  const cached = cachedWithFallback(read, { ...alwaysFresh, timeoutMs: 1 })
  expect(await cached()).toBeUndefined()
  expect(await cached()).toBeUndefined()
  expect(reads).toHaveLength(1)
  reads[0]?.resolve('late')
  await reads[0]?.promise
  expect(await cached()).toBe('late')
})

test('a failed read is reported, gives no value, and is tried again', async () => {
  const { reads, read } = openSource()
  const errors: unknown[] = []
  const cached = cachedWithFallback(read, {
    ...alwaysFresh,
    onError: (error) => errors.push(error),
  })
  const failed = cached()
  reads[0]?.reject('away')
  expect(await failed).toBeUndefined()
  expect(errors).toEqual(['away'])
  const next = cached()
  reads[1]?.resolve('back')
  expect(await next).toBe('back')
})

test('while reads fail, the last value serves up to its maximal age', async () => {
  const { reads, read } = openSource()
  const cached = cachedWithFallback(read, neverFresh)
  const first = cached()
  reads[0]?.resolve('old')
  await first
  const second = cached()
  reads[1]?.reject(new Error('away'))
  expect(await second).toBe('old')
  const strict = cachedWithFallback(read, { ...neverFresh, maxStaleMs: -1 })
  const third = strict()
  reads[2]?.resolve('at once too old')
  expect(await third).toBeUndefined()
})
