/** The demo upstreams over HTTP: the shapes that the shipped configuration reads and prices. */

import { afterAll, describe, expect, test } from 'bun:test'
import { corpus } from '../../src/demo/corpus.ts'
import { startDemoUpstream } from '../../src/demo/start-demo-upstream.ts'
import { runCli, startCli } from '../support/cli.ts'
import { startDemoUpstreams } from '../support/demo-upstreams.ts'

const demos = startDemoUpstreams()
afterAll(async () => {
  await Promise.all(Object.values(demos).map((demo) => demo.stop()))
})

async function postJson(url: string, body: unknown, headers: Record<string, string> = {}) {
  return await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

describe('search', () => {
  const search = (body: unknown) => postJson(`${demos.search.url}/api/v1/search`, body)

  test('finds the document that is about the query', async () => {
    const response = await search({ query: 'tides of the ocean' })
    expect(response.status).toBe(200)
    const { results, meta } = await response.json()
    expect(results[0]).toEqual({
      url: 'https://demo.tollbook.example/pages/the-ocean-tides-explained',
      title: 'The ocean tides explained',
      snippet: expect.any(String),
      engine: 'demo',
      score: expect.any(Number),
      publishedDate: '2025-05-19',
      category: 'science',
    })
    expect(meta).toEqual({
      query: 'tides of the ocean',
      totalResults: expect.any(Number),
      engines: ['demo'],
      duration: expect.any(Number),
      cached: false,
    })
  })

  test('ranks by falling score', async () => {
    const { results } = await (await search({ query: 'water of the sea and the moon' })).json()
    const scores = results.map((result: { score: number }) => result.score)
    expect(scores.length).toBeGreaterThan(2)
    expect(scores).toEqual(scores.toSorted((a: number, b: number) => b - a))
  })

  test('honours categories, time range and limit', async () => {
    const options = { categories: ['videos'], limit: 1 }
    const { results, meta } = await (await search({ query: 'a film', options })).json()
    expect(results).toHaveLength(1)
    expect(results[0].category).toBe('videos')
    expect(meta.totalResults).toBeGreaterThan(1)

    const recent = { query: 'the', options: { timeRange: 'week' } }
    const { results: newest } = await (await search(recent)).json()
    expect(newest.length).toBeGreaterThan(0)
    for (const { publishedDate } of newest) expect(publishedDate >= '2025-11-03').toBe(true)
  })

  test('responds from its cache the second time, unless the request disables it', async () => {
    const cachedOf = async (body: unknown) => (await (await search(body)).json()).meta.cached
    const body = { query: 'sourdough' }
    expect(await cachedOf(body)).toBe(false)
    expect(await cachedOf(body)).toBe(true)
    expect(await cachedOf({ ...body, cache: { enabled: false } })).toBe(false)
    expect(await cachedOf({ ...body, options: { limit: 1 } })).toBe(false)
  })

  test('finds nothing for words that nobody wrote', async () => {
    const { results, meta } = await (await search({ query: 'zxqvw' })).json()
    expect(results).toEqual([])
    expect(meta.totalResults).toBe(0)
  })

  test.each([
    ['invalid JSON', '{', 'body: '],
    ['no query', {}, 'query: '],
    ['an empty query', { query: ' ' }, 'query: '],
    [
      'an unknown category',
      { query: 'x', options: { categories: ['cats'] } },
      'options.categories',
    ],
    ['a limit of nothing', { query: 'x', options: { limit: 0 } }, 'options.limit: '],
  ])('refuses %s with 400', async (_what, body, message) => {
    const response = await search(body)
    expect(response.status).toBe(400)
    expect((await response.json()).message).toStartWith(message)
  })

  test('lists its engines', async () => {
    const response = await fetch(`${demos.search.url}/api/v1/search/engines`)
    expect(await response.json()).toEqual([
      expect.objectContaining({ name: 'demo', enabled: true, documents: corpus.length }),
    ])
  })
})

describe('extract', () => {
  const url = 'https://demo.tollbook.example/pages/harbour-library-opens-on-sundays'
  const extract = (body: unknown) => postJson(`${demos.search.url}/api/v1/extract`, body)

  test('reads the article out of a page of the corpus', async () => {
    const response = await extract({ url, options: { extractLinks: true } })
    expect(response.status).toBe(200)
    const { success, content, meta } = await response.json()
    expect(success).toBe(true)
    expect(content.title).toBe('Harbour library opens on Sundays')
    expect(content.text).toContain('"People work on weekdays,"')
    expect(content.text).not.toContain('Demo corpus')
    expect(content.markdown).toStartWith('# Harbour library opens on Sundays\n\nThe invented town')
    expect(content.wordCount).toBe(content.text.split(/\s+/).length)
    const [link] = content.links
    expect(content.markdown).toContain(`- [${link.text}](${link.url})`)
    expect(corpus.map((document) => document.url)).toContain(link.url)
    expect(content).not.toHaveProperty('html')
    expect(meta).toEqual({ url, duration: expect.any(Number) })
  })

  test('gives back just what the options ask for', async () => {
    const options = { includeMarkdown: false, includeHtml: true, maxLength: 15 }
    const { content } = await (await extract({ url, options })).json()
    expect(content.text).toBe('Harbour library')
    expect(content.wordCount).toBe(2)
    expect(content.html).toStartWith('<!doctype html>')
    expect(content).not.toHaveProperty('markdown')
    expect(content).not.toHaveProperty('links')
  })

  test('serves the pages themselves', async () => {
    const response = await fetch(demos.search.url + new URL(url).pathname)
    expect(response.headers.get('Content-Type')).toContain('text/html')
    expect(await response.text()).toContain('<h1>Harbour library opens on Sundays</h1>')
  })

  test('says success: false under a 200 for a page that it does not know', async () => {
    const response = await extract({ url: 'https://example.com/' })
    expect(response.status).toBe(200)
    const body = await response.json()
    expect(body).toMatchObject({ success: false, error: expect.any(String) })
    expect(body).not.toHaveProperty('content')
  })

  test.each([1, 3, 10])('extracts in bulk, %i at a time, in order', async (concurrency) => {
    const urls = [url, 'https://example.com/', ...corpus.slice(0, 18).map(({ url }) => url)]
    const bulkUrl = `${demos.search.url}/api/v1/extract/bulk`
    const response = await postJson(bulkUrl, { urls, concurrency })
    expect(response.status).toBe(200)
    const { results, meta } = await response.json()
    expect(results.map((result: { url: string }) => result.url)).toEqual(urls)
    expect(results[0].content.title).toBe('Harbour library opens on Sundays')
    expect(results[1]).toEqual({ url: urls[1], success: false, error: expect.any(String) })
    expect(meta).toEqual({ total: 20, successful: 19, failed: 1, duration: expect.any(Number) })
  })

  test.each([
    ['no url', '', {}],
    ['no urls', '/bulk', { urls: [] }],
    ['21 urls', '/bulk', { urls: Array(21).fill(url) }],
  ])('refuses %s with 400', async (_what, path, body) => {
    const response = await postJson(`${demos.search.url}/api/v1/extract${path}`, body)
    expect(response.status).toBe(400)
  })
})

const synthesize = (body: unknown) => postJson(`${demos.tts.url}/synthesize/auto`, body)

async function transcribe(file: Blob, fields: Record<string, string> = {}, query = '') {
  const form = new FormData()
  form.set('file', file, 'audio')
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  return await fetch(`${demos.stt.url}/transcribe${query}`, { method: 'POST', body: form })
}

describe('text to speech', () => {
  const longText = 'The quick brown fox jumps over the lazy dog. '.repeat(100)

  test('returns a WAV with voice, duration and sample rate', async () => {
    const response = await synthesize({ text: 'Hello there.', voice: 'any.name', speed: 1 })
    expect(response.status).toBe(200)
    expect(response.headers.get('Content-Type')).toBe('audio/wav')
    expect(response.headers.get('X-Voice')).toBe('any.name')
    expect(response.headers.get('X-Sample-Rate')).toBe('22050')
    const bytes = await response.bytes()
    expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe('RIFF')
    const seconds = Number(response.headers.get('X-Duration'))
    expect((bytes.length - 44) / 2 / 22_050).toBeCloseTo(seconds, 3)
  })

  test('streams a long text', async () => {
    const response = await synthesize({ text: longText })
    expect(response.headers.get('Content-Length')).toBeNull()
    const seconds = Number(response.headers.get('X-Duration'))
    expect(seconds).toBeGreaterThan(100)
    expect(((await response.bytes()).length - 44) / 2 / 22_050).toBeCloseTo(seconds, 3)
  })

  test('returns WAV for mp3, and says so', async () => {
    const response = await synthesize({ text: 'Hello.', output_format: 'mp3' })
    expect(response.headers.get('Content-Type')).toBe('audio/wav')
    expect(response.headers.get('X-Demo-Note')).toContain('mp3')
    const wav = await synthesize({ text: 'Hello.', output_format: 'wav' })
    expect(wav.headers.get('X-Demo-Note')).toBeNull()
  })

  test.each([
    ['invalid JSON', '{', ['body']],
    ['no text', {}, ['body', 'text']],
    ['an empty text', { text: '' }, ['body', 'text']],
    ['5,001 characters', { text: 'x'.repeat(5_001) }, ['body', 'text']],
    ['a voice that no header can carry', { text: 'x', voice: 'a\nb' }, ['body', 'voice']],
    ['too fast', { text: 'x', speed: 2.1 }, ['body', 'speed']],
    ['an unknown format', { text: 'x', output_format: 'ogg' }, ['body', 'output_format']],
  ])('refuses %s with 422', async (_what, body, loc) => {
    const response = await synthesize(body)
    expect(response.status).toBe(422)
    expect((await response.json()).detail[0].loc).toEqual(loc)
  })

  test('takes 5,000 characters beyond the basic plane', async () => {
    const response = await synthesize({ text: '🙂'.repeat(5_000) })
    expect(response.status).toBe(200)
    await response.body?.cancel()
  })

  test('lists its voices', async () => {
    const { kokoro_voices, custom_voices } = await (await fetch(`${demos.tts.url}/voices`)).json()
    expect(Object.keys(kokoro_voices[0])).toEqual(['id', 'name', 'description', 'type'])
    expect(custom_voices).toEqual([])
  })
})

describe('speech to text', () => {
  const wav = async () => await (await synthesize({ text: 'One two three.' })).blob()

  test.each(['Short.', 'A rather longer sentence. '.repeat(40)])(
    'finds the duration that the synthesis announced: %#',
    async (text) => {
      const spoken = await synthesize({ text, speed: 1.1 })
      const announced = Number(spoken.headers.get('X-Duration'))
      const response = await transcribe(await spoken.blob(), { language: 'de', model: 'some' })
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({
        text: expect.stringMatching(/^Demo transcript: [\d.]+ s of audio, loudness -[\d.]+ dBFS\./),
        language: 'de',
        model: 'some',
        duration_seconds: announced,
      })
    },
  )

  test('reads the duration of compressed audio', async () => {
    // A hundred silent MPEG-1 layer III frames: 128 kbit/s, 44.1 kHz, 1,152 samples each.
    const frame = new Uint8Array(417)
    frame.set([0xff, 0xfb, 0x90, 0x00])
    const mp3 = new Blob(Array(100).fill(frame), { type: 'audio/mpeg' })
    const transcript = await (await transcribe(mp3)).json()
    expect(transcript.duration_seconds).toBeCloseTo((100 * 1_152) / 44_100, 1)
    expect(transcript.text).toContain('loudness not measured')
    expect(transcript.model).toBe('demo-base')
  })

  test('leaves the duration out when asked, as the real API often does', async () => {
    const byModel = await (await transcribe(await wav(), { model: 'no-duration' })).json()
    expect(byModel).not.toHaveProperty('duration_seconds')
    const byQuery = await (await transcribe(await wav(), {}, '?omitDuration')).json()
    expect(byQuery).not.toHaveProperty('duration_seconds')
  })

  test('refuses what is no audio with 400, and a body without a file with 422', async () => {
    expect((await transcribe(new Blob(['no audio at all']))).status).toBe(400)
    const form = new FormData()
    form.set('language', 'de')
    const url = `${demos.stt.url}/transcribe`
    const response = await fetch(url, { method: 'POST', body: form })
    expect(response.status).toBe(422)
    expect((await response.json()).detail[0].loc).toEqual(['body', 'file'])
    expect((await postJson(url, {})).status).toBe(422)
  })

  test('lists its models', async () => {
    expect(await (await fetch(`${demos.stt.url}/models`)).json()).toEqual({
      whisper: expect.any(Array),
      voxtral: expect.any(Array),
      default_whisper: expect.any(String),
    })
  })
})

describe('every demo upstream', () => {
  test('names itself in each response, also in refusals', async () => {
    for (const [name, { url }] of Object.entries(demos)) {
      for (const path of ['/', '/_demo/calls', '/voices']) {
        const response = await fetch(url + path)
        expect(response.headers.get('X-Demo-Service')).toBe(name)
      }
    }
  })

  test('returns 404 for an unknown path and 405 for a wrong method', async () => {
    expect((await fetch(`${demos.tts.url}/nothing`)).status).toBe(404)
    expect((await fetch(`${demos.tts.url}/synthesize/auto`)).status).toBe(405)
  })

  test('lists the calls that it executed, with the client’s request ids', async () => {
    const demo = startDemoUpstream('search')
    try {
      const headers = { 'X-Request-Id': 'req_1' }
      await postJson(`${demo.url}/api/v1/search`, { query: 'x' }, headers)
      await postJson(`${demo.url}/api/v1/search`, '{', { 'X-Request-Id': 'req_2' })
      await fetch(`${demo.url}/api/v1/search/engines?x=1`)
      expect(await (await fetch(`${demo.url}/_demo/calls`)).json()).toEqual({
        count: 3,
        calls: [
          { requestId: 'req_1', method: 'POST', path: '/api/v1/search', status: 200 },
          { requestId: 'req_2', method: 'POST', path: '/api/v1/search', status: 400 },
          { requestId: null, method: 'GET', path: '/api/v1/search/engines', status: 200 },
        ],
      })
      expect(await (await fetch(`${demo.url}/_demo/calls?count=1`)).json()).toEqual({ count: 3 })
    } finally {
      await demo.stop()
    }
  })

  test('of everything keep documents, finish jobs, and show what else they received', async () => {
    const demo = startDemoUpstream('anything')
    try {
      const call = (path: string, init?: RequestInit) => fetch(demo.url + path, init)
      const put = await call('/documents/a', { method: 'PUT', body: 'hello' })
      expect(put.status).toBe(201)
      const found = await call('/documents/a')
      expect(await found.text()).toBe('hello')
      const tag = found.headers.get('ETag') ?? ''
      expect((await call('/documents/a', { headers: { 'If-None-Match': tag } })).status).toBe(304)
      const part = await call('/documents/a', { headers: { Range: 'bytes=1-2' } })
      expect([part.status, await part.text()]).toEqual([206, 'el'])
      expect((await call('/documents/a', { method: 'DELETE' })).status).toBe(204)
      expect((await call('/documents/a')).status).toBe(404)

      const { id } = await (await call('/jobs', { method: 'POST' })).json()
      const states = []
      for (let n = 0; n < 3; n++) states.push((await (await call(`/jobs/${id}`)).json()).state)
      expect(states).toEqual(['running', 'running', 'done'])

      const seen = await (await call('/any/path?q=1', { method: 'POST', body: 'text' })).json()
      expect(seen).toMatchObject({ method: 'POST', path: '/any/path?q=1', bytes: 4, body: 'text' })
    } finally {
      await demo.stop()
    }
  })

  test('run as one process, which prints their addresses and ends at SIGTERM', async () => {
    const child = startCli([
      'demo',
      ...['search', 'stt', 'tts', 'chat', 'anything'].flatMap((name) => [`--${name}`, '0']),
      '--json',
    ])
    const { value } = await child.stdout.getReader().read()
    const urls: Record<string, string> = JSON.parse(new TextDecoder().decode(value))
    expect(Object.keys(urls)).toEqual(['search', 'stt', 'tts', 'chat', 'anything'])
    for (const [name, url] of Object.entries(urls)) {
      expect((await fetch(`${url}/_demo/calls`)).headers.get('X-Demo-Service')).toBe(name)
    }
    child.kill('SIGTERM')
    expect(await child.exited).toBe(0)
  })

  test('do not start with an invalid port', async () => {
    const { status, stderr } = await runCli(['demo', '--stt', '70000'])
    expect([status, stderr]).toEqual([
      1,
      'tollbook: --stt takes a port of at most 65535, not 70000.\n',
    ])
  })
})
