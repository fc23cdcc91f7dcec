/** docs/ROUTES.md: every example is a configuration that works, and each of its routes is called through the gateway. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { exampleCall } from '../../src/cli/up/example-call.ts'
import type { Config } from '../../src/config/config.ts'
import { tariffOf } from '../../src/config/tariff.ts'
import { mapValues } from '../../src/lib/map-values.ts'
import { startTestGateway, type TestGateway } from '../support/running-gateway.ts'
import { type ConfigChanges, testConfig } from '../support/test-config.ts'
import { type Ledger, openLedger } from '../support/test-ledger.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

interface Example {
  readonly heading: string
  readonly file: Readonly<Record<string, object>>
}

const document = readFileSync(join(import.meta.dir, '../../docs/ROUTES.md'), 'utf8')
const examples: Example[] = document.split(/^#+ /m).flatMap((section) =>
  [...section.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => ({
    heading: section.split('\n')[0] ?? '',
    file: parse(text),
  })),
)

/** Secrets that the examples take from the environment. */
const secrets = [...document.matchAll(/(?:env|testEnv): ([A-Z_]+)/g)].map(([, name = '']) => name)
const env = Object.fromEntries(secrets.map((name) => [name, 'a-secret-for-tests']))

let upstream: Upstream
let folder: string
beforeAll(() => {
  upstream = startUpstream()
  folder = mkdtempSync(join(tmpdir(), 'tollbook-routes-'))
  writeFileSync(join(folder, 'FILE'), 'a file')
})
afterAll(async () => {
  await upstream.stop()
  rmSync(folder, { recursive: true, force: true })
})

type Named<T> = Readonly<Record<string, T>>

/** The example instead of what the shipped file sells, in front of the test's upstream. */
function changesOf({ file }: Example): ConfigChanges {
  const shipped = testConfig()
  const plan = {
    ...{ rateLimit: 1_000, windowMs: 60_000, credits: 1_000_000, maxInFlight: 10 },
    ...{ endpoints: 'all', fee: { minorUnits: 0, currency: 'EUR' } },
  }
  const routes = (file.routes ?? {}) as Named<{ readonly service?: string }>
  const services = (file.services ?? {}) as Named<object>
  const used = Object.values(routes).flatMap(({ service = [] }) => service)
  const here = { url: upstream.url, targets: null, urlEnv: null, testUrl: null }
  return {
    ...file,
    services: {
      ...mapValues(shipped.services, () => null),
      ...Object.fromEntries(
        [...used, ...Object.keys(services)].map((name) => [name, { ...services[name], ...here }]),
      ),
    },
    routes: { ...mapValues(shipped.routes, () => null), ...routes },
    plans: { ...mapValues(shipped.plans, () => null), pro: plan },
    defaultPlan: 'pro',
  }
}

test('every section has an example', () => {
  expect(examples.length).toBeGreaterThan(8)
})

describe.each(examples.filter(({ file }) => file.routes))('$heading', (example) => {
  let config: Config
  let ledger: Ledger
  let gateway: TestGateway
  let key: string
  beforeAll(async () => {
    const changes = changesOf(example)
    config = testConfig(changes)
    ledger = await openLedger({ tariff: tariffOf(config) })
    gateway = await startTestGateway({ databaseUrl: ledger.url, config: changes, env })
    key = (await ledger.key(await ledger.account({ plan: 'pro' }))).text
  })
  afterAll(async () => {
    await gateway?.stop()
    await ledger?.close()
  })

  test.each(Object.keys(example.file.routes ?? {}))('%s is called', async (id) => {
    upstream.respond(() => Response.json({ ok: true }))
    const only = { ...config, routes: { [id]: config.routes[id] } } as Config
    const line = exampleCall(only, gateway.url, key)
    expect(line).toBeString()
    const ran = Bun.spawn(['sh', '-c', line ?? ''], { cwd: folder, stdout: 'pipe' })
    const response = await new Response(ran.stdout).text()
    expect(response.split('\r\n')[0]).toBe('HTTP/1.1 200 OK')
    expect(upstream.executed).toHaveLength(1)
  })
})
