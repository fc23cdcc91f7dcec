import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import {
  dataOf,
  eventSplitter,
  isEventStream,
  printEvent,
} from '../../src/proxy/metering/event-stream.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)

/** The parts that a stream is split into when it arrives in chunks that end at these offsets. */
function split(stream: Uint8Array, cuts: readonly number[] = []): Uint8Array[] {
  const splitter = eventSplitter(1e6)
  const parts: Uint8Array[] = []
  let from = 0
  for (const to of [...cuts, stream.length]) {
    parts.push(...splitter.push(stream.subarray(from, to)))
    from = to
  }
  return [...parts, splitter.rest()]
}

const ends = fc.constantFrom('\n', '\r', '\r\n')
const words = fc.string({ unit: fc.constantFrom('a', ' ', ':', 'é', '€', '😀', '\u2028') })
/** An event: its data as a reader must see it, and its lines as they are sent. */
const anEvent = fc.record({
  data: fc.array(words, { minLength: 1, maxLength: 3 }),
  before: fc.constantFrom('', ': a comment', 'event: one', 'id: 7'),
})

test('events come out as they went in, wherever the pieces are cut and however lines end', () => {
  fc.assert(
    fc.property(
      fc.array(anEvent, { minLength: 1, maxLength: 5 }),
      ends,
      fc.array(fc.nat({ max: 200 }), { maxLength: 20 }),
      (events, end, offsets) => {
        const texts = events.map(({ data, before }) => {
          const lines = [...(before ? [before] : []), ...data.map((line) => `data: ${line}`)]
          return lines.map((line) => line + end).join('') + end
        })
        const stream = bytesOf(texts.join(''))
        const cuts = offsets.map((at) => Math.min(at, stream.length)).sort((a, b) => a - b)
        const parts = split(stream, cuts)
        // Not a byte is lost, added or moved.
        expect(textOf(Buffer.concat(parts))).toBe(texts.join(''))
        const read = parts.map(dataOf).filter((data) => data !== undefined)
        expect(read).toEqual(events.map(({ data }) => data.join('\n')))
      },
    ),
    { numRuns: 1_000 },
  )
})

test('each event is whole with the piece that holds its end', () => {
  const splitter = eventSplitter(100)
  expect(splitter.push(bytesOf('data: 1\r')).map(textOf)).toEqual([])
  // The carriage return ends the event: nobody waits for a line feed that may not come.
  expect(splitter.push(bytesOf('\n\r')).map(textOf)).toEqual(['data: 1\r\n\r'])
  expect(splitter.push(bytesOf('\ndata: 2\n\ndata: 3')).map(textOf)).toEqual(['\ndata: 2\n\n'])
  expect(textOf(splitter.rest())).toBe('data: 3')
})

test('empty lines alone are no event', () => {
  expect(split(bytesOf('\n\n\r\ndata: 1\n\n\n')).map(textOf)).toEqual(['\n\n\r\ndata: 1\n\n', '\n'])
})

test('an event without an end does not fill the memory', () => {
  const splitter = eventSplitter(100)
  splitter.push(new Uint8Array(100).fill(97))
  expect(() => splitter.push(new Uint8Array(1))).toThrow('more than 100 bytes')
})

describe('the data of an event', () => {
  test.each([
    ['data: a\n\n', 'a'],
    ['data:a\n\n', 'a'],
    ['data:  a\n\n', ' a'],
    ['data\n\n', ''],
    ['data: a\ndata: b\n\n', 'a\nb'],
    ['\uFEFFdata: a\n\n', 'a'],
    ['event: x\rdata: a\rid: 1\r\r', 'a'],
    [': data: a\n\n', undefined],
    ['database: a\n\n', undefined],
    ['event: ping\n\n', undefined],
  ])('%j is %j', (text, data) => {
    expect(dataOf(bytesOf(text))).toBe(data)
  })
})

test('an event that is printed is one that is read, whatever its data', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const [event, rest] = split(printEvent('error', value))
      expect(rest).toHaveLength(0)
      expect(JSON.parse(dataOf(event ?? new Uint8Array()) ?? '')).toEqual(
        JSON.parse(JSON.stringify(value)),
      )
    }),
  )
})

test('an event stream is known by its media type', () => {
  const of = (type: string) =>
    isEventStream(new Response('', { headers: { 'content-type': type } }))
  expect(['text/event-stream', 'Text/Event-Stream; charset=utf-8'].map(of)).toEqual([true, true])
  expect(['application/json', 'text/event-stream-2', ''].map(of)).toEqual([false, false, false])
})
