/** The parts of the demo upstreams that need no server: executed calls, the cache, the sound, the corpus. */

import { expect, test } from 'bun:test'
import { corpus } from '../../src/demo/corpus.ts'
import { openExecutedCalls } from '../../src/demo/executed-calls.ts'
import { searchRoutes } from '../../src/demo/search-routes.ts'
import { planTones, sampleRate } from '../../src/demo/tones.ts'
import { measureWav, wavHeader } from '../../src/demo/wav.ts'

test('executed calls are kept, the newest in order, and all are counted', () => {
  const executed = openExecutedCalls(3)
  for (let i = 1; i <= 8; i += 1) {
    executed.record({ requestId: `req-${i}`, method: 'GET', path: '/', status: 200 })
  }
  expect(executed.calls().map((call) => call.requestId)).toEqual(['req-6', 'req-7', 'req-8'])
  expect(executed.count).toBe(8)
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
  const short = planTones('A few words.', 'demo_one', 1)
  const long = planTones('A few words. And then some more of them.', 'demo_one', 1)
  const fast = planTones('A few words. And then some more of them.', 'demo_one', 2)
  expect(long.sampleCount).toBeGreaterThan(short.sampleCount)
  expect(Math.abs(fast.sampleCount - long.sampleCount / 2)).toBeLessThan(20)
})

test('the sounds of a plan are as many samples as it announced', () => {
  for (const text of ['One.', 'Wie spät ist es? Zehn!', '你好，世界。', '… — …']) {
    const planned = planTones(text, 'demo_two', 1.3)
    const bytes = planned.sounds().reduce((sum, sound) => sum + sound.length, 0)
    expect(bytes).toBe(planned.sampleCount * 2)
  }
})

test('a voice keeps its pitch and another has another', () => {
  const firstSound = (voice: string) => planTones('word', voice, 1).sounds().next().value
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

test('a truncated WAV is measured as far as it goes', () => {
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
