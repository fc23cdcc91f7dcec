/** The parts of the demo services that need no server: the ledger, the cache, the sound, the corpus. */

import { expect, test } from 'bun:test'
import { corpus } from '../../src/demo/corpus.ts'
import { createLedger } from '../../src/demo/executed-calls.ts'
import { searchRoutes } from '../../src/demo/search.ts'
import { plan, sampleRate } from '../../src/demo/tones.ts'
import { measureWav, wavHeader } from '../../src/demo/wav.ts'

test('the ledger keeps the newest calls in order and counts them all', () => {
  const ledger = createLedger(3)
  for (let i = 1; i <= 8; i += 1) {
    ledger.record({ requestId: `req-${i}`, method: 'GET', path: '/', status: 200 })
  }
  expect(ledger.calls().map((call) => call.requestId)).toEqual(['req-6', 'req-7', 'req-8'])
  expect(ledger.count).toBe(8)
})

test('each document of the corpus has an address of its own', () => {
  expect(new Set(corpus.map((document) => document.url)).size).toBe(corpus.length)
})

test('a cached search is forgotten after its time to live', async () => {
  let nowMs = 0
  const search = searchRoutes(() => nowMs)['POST /api/v1/search']
  const cached = async () => {
    const url = new URL('http://localhost/api/v1/search')
    const body = JSON.stringify({ query: 'bicycle', cache: { ttl: 60 } })
    const response = await search?.(new Request(url, { method: 'POST', body }), url)
    return (await response?.json())?.meta.cached
  }
  expect(await cached()).toBe(false)
  nowMs = 59_999
  expect(await cached()).toBe(true)
  nowMs = 60_000
  expect(await cached()).toBe(false)
})

test('a longer text sounds longer, and twice the speed halves it', () => {
  const short = plan('A few words.', 'demo_one', 1)
  const long = plan('A few words. And then some more of them.', 'demo_one', 1)
  const fast = plan('A few words. And then some more of them.', 'demo_one', 2)
  expect(long.sampleCount).toBeGreaterThan(short.sampleCount)
  expect(Math.abs(fast.sampleCount - long.sampleCount / 2)).toBeLessThan(20)
})

test('the sounds of a plan are as many samples as it announced', () => {
  for (const text of ['One.', 'Wie spät ist es? Zehn!', '你好，世界。', '… — …']) {
    const planned = plan(text, 'demo_two', 1.3)
    const bytes = planned.sounds().reduce((sum, sound) => sum + sound.length, 0)
    expect(bytes).toBe(planned.sampleCount * 2)
  }
})

test('a voice keeps its pitch and another has another', () => {
  const firstSound = (voice: string) => plan('word', voice, 1).sounds().next().value
  expect(firstSound('demo_one')).toEqual(firstSound('demo_one'))
  expect(firstSound('demo_one')).not.toEqual(firstSound('demo_two'))
})

function wavOf(samples: Int16Array): Uint8Array {
  return new Uint8Array(
    Buffer.concat([wavHeader(samples.length, sampleRate), Buffer.from(samples.buffer)]),
  )
}

test('a WAV is measured by its samples', () => {
  const square = Int16Array.from({ length: sampleRate }, (_, i) => (i % 2 ? 16_384 : -16_384))
  const measured = measureWav(wavOf(square))
  expect(measured?.durationSeconds).toBe(1)
  expect(measured?.loudnessDbfs).toBeCloseTo(-6.02, 2)
  expect(measureWav(wavOf(new Int16Array(100)))?.loudnessDbfs).toBe(Number.NEGATIVE_INFINITY)
})

test('a WAV that was cut off counts as far as it goes', () => {
  const wav = wavOf(new Int16Array(sampleRate))
  expect(measureWav(wav.subarray(0, 44 + sampleRate))?.durationSeconds).toBe(0.5)
})

test('what is not 16-bit PCM WAV is not measured', () => {
  const eightBits = wavOf(new Int16Array(10))
  eightBits[34] = 8
  expect(measureWav(eightBits)).toBeUndefined()
  expect(measureWav(new TextEncoder().encode('RIFF'))).toBeUndefined()
  expect(measureWav(wavOf(new Int16Array(10)).subarray(0, 30))).toBeUndefined()
})
