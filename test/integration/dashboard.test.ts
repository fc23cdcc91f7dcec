/** Each panel of the Grafana dashboard shows something, by a real Prometheus that scrapes a real gateway. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { prometheus, startPrometheus } from '../support/prometheus.ts'
import { openShop, type Shop } from '../support/shop.ts'
import { until } from '../support/until.ts'

interface Panel {
  readonly type: string
  readonly title: string
  readonly id: number
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const dashboard: { panels: Panel[]; templating: { list: { name: string; query: string }[] } } =
  JSON.parse(readFileSync(join(import.meta.dir, '../../deploy/grafana-dashboard.json'), 'utf8'))
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
const targets = panels.flatMap(({ title, targets: all = [] }) =>
  all.map(({ expr, legendFormat }) => ({ title, expr, legendFormat })),
)

let shop: Shop
let server: Awaited<ReturnType<typeof startPrometheus>>
let isStopped = false
let calling: Promise<void>

beforeAll(async () => {
  if (!prometheus) return
  shop = await openShop({ dedicatedHolds: true })
  server = await startPrometheus(new URL(shop.gateway.metricsUrl).host)
  calling = (async () => {
    while (!isStopped) {
      await (await shop.post('/v1/search', { query: 'q' })).text()
      await (await shop.post('/v1/search', { query: 'q' }, { key: null })).text()
      await Bun.sleep(50)
    }
  })()
})
afterAll(async () => {
  isStopped = true
  await calling
  await server?.stop()
  await shop?.close()
})

/** As Grafana fills them in, with all gateways chosen. */
function filledIn(expr: string): string {
  const filled = expr
    .replaceAll('$job', 'tollbook')
    .replaceAll('$instance', '.*')
    .replaceAll('$__rate_interval', '10s')
  expect(filled).not.toContain('$')
  return filled
}

test('panels have names and squares of their own', () => {
  expect(panels.length).toBeGreaterThan(15)
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  const squares = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`),
  )
  expect(new Set(squares).size).toBe(squares.length)
})

test.skipIf(!prometheus).each(targets)('$title: $legendFormat', async ({ expr, legendFormat }) => {
  const query = filledIn(expr)
  await until(async () => {
    const found = await server.query(query)
    return found.length > 0 && found.every(({ value: [, text] }) => !Number.isNaN(Number(text)))
  })
  const found = await server.query(query)
  for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
    expect(found.map(({ metric }) => metric[label])).not.toContain(undefined)
  }
  // A legend tells the lines of a panel apart.
  const legends = found.map(({ metric }) =>
    legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ''),
  )
  expect(new Set(legends).size).toBe(legends.length)
})

test.skipIf(!prometheus)('what is chosen from is there', async () => {
  for (const { name, query } of dashboard.templating.list.filter(
    ({ name }) => name !== 'datasource',
  )) {
    const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? []
    const found = await server.query(filledIn(selector))
    expect([name, found.map(({ metric }) => metric[label])]).toEqual([
      name,
      [expect.stringMatching(/./)],
    ])
  }
})
