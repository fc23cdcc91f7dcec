import { afterAll, expect, test } from 'bun:test'
import { serveMetrics } from '../../src/server/metrics/serve-metrics.ts'

const first = serveMetrics({ hostname: '127.0.0.1', port: 0 }, async () => 'up 1\n')
afterAll(() => first.stop())
const port = Number(new URL(first.url).port)

test('metrics are served at the url that it returns', async () => {
  expect(await (await fetch(first.url)).text()).toBe('up 1\n')
})

test('a taken port is an error that says what to set', () => {
  expect(() => serveMetrics({ hostname: '127.0.0.1', port }, async () => '')).toThrow(
    `port ${port} of 127.0.0.1, where metrics are served, is taken: set METRICS_PORT to another`,
  )
})

test('with orFreePort a taken port is replaced by a free one', async () => {
  const second = serveMetrics({ hostname: '127.0.0.1', port, orFreePort: true }, async () => 'x')
  expect(second.url).not.toBe(first.url)
  expect(await (await fetch(second.url)).text()).toBe('x')
  await second.stop()
})
