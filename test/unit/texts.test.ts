import { expect, test } from 'bun:test'
import { Texts } from '../../src/projector/verify/log/texts.ts'

/** What is read of texts that stand one after the other in one piece of memory. */
function readAll(known: Texts, texts: readonly string[]): { text: string; number: number }[] {
  const bytes = Buffer.from(texts.join(''))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let end = 0
  return texts.map((text) => {
    const start = end
    end += Buffer.byteLength(text)
    return {
      text: known.of(bytes, view, start, end),
      number: known.numberOf(bytes, view, start, end),
    }
  })
}

test('very many texts are each read as they are, and have numbers of their own', () => {
  const texts = Array.from(
    { length: 20_000 },
    (_, i) => `key_${i.toString(36)}${'é'.repeat(i % 3)}`,
  )
  const known = new Texts()
  const first = readAll(known, texts)
  const again = readAll(known, texts.toReversed()).reverse()
  expect(first.map(({ text }) => text)).toEqual(texts)
  expect(again.map(({ text }) => text)).toEqual(texts)
  // Those that found no bucket among fewer have got one since.
  const others = again.filter(({ number }, i) => number !== first[i]?.number)
  expect(others.length).toBeLessThan(100)
  const numbers = first.map(({ number }) => number).filter((number) => number >= 0)
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(numbers.length).toBeGreaterThan(19_900)
})

test('texts that end alike are told apart, however many they are', () => {
  const texts = Array.from({ length: 100 }, (_, i) => `${i + 100} and the same end`)
  const known = new Texts()
  for (let i = 0; i < 3; i++) {
    const read = readAll(known, texts)
    expect(read.map(({ text }) => text)).toEqual(texts)
    expect(read.some(({ number }) => number < 0)).toBe(true)
  }
})

test('beyond so many, all are forgotten and read anew', () => {
  const known = new Texts(10)
  const texts = Array.from({ length: 1_000 }, (_, i) => `text ${i % 30}`)
  const read = readAll(known, texts)
  expect(read.map(({ text }) => text)).toEqual(texts)
  expect(Math.max(...read.map(({ number }) => number))).toBeLessThan(10)
})
