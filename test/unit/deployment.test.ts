/** compose.yaml, the Dockerfile and deploy/ name only what Tollbook has, and agree with each other. */
import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Option } from 'commander'
import { parse } from 'yaml'
import { readEnvironment } from '../../src/config/environment.ts'
import { loadConfig, shippedConfigFile } from '../../src/config/load-config.ts'
import { roleNames } from '../../src/ledger/roles.ts'

interface Service {
  readonly image: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string | number>>
  readonly depends_on?: Readonly<Record<string, { condition: string }>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly stop_grace_period?: string
}

const root = join(import.meta.dir, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const compose = parse(read('compose.yaml'), { merge: true })
const services: Readonly<Record<string, Service>> = compose.services
const serving = Object.entries(services).filter(([, { command }]) => command?.[0] === 'serve')
const gateways = serving.filter(([, { command }]) => command?.includes('calls'))
const managing = serving.filter(([, { command }]) => command?.includes('management'))
const ours = Object.entries(services).filter(([, { image }]) => image === 'tollbook')

const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ').split('\n')
const lines = (word: string) =>
  dockerfile.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(/\s+/).slice(1))
const imageEnv = Object.fromEntries(
  lines('ENV').flatMap((words) => words.map((word) => word.split('=') as [string, string])),
)

/** As compose fills it in: what must be given is given, the rest is as usual. */
function environmentOf({ environment = {} }: Service): Record<string, string> {
  const given = (text: string) =>
    text.replace(/\$\{\w+:\?[^}]*\}/g, '0'.repeat(64)).replace(/\$\{\w+:-([^}]*)\}/g, '$1')
  return Object.fromEntries(
    Object.entries({ ...imageEnv, ...environment }).map(([name, value]) => [
      name,
      given(String(value)),
    ]),
  )
}

describe('the gateways of compose.yaml', () => {
  test('are two, on one ledger and one Redis, and differ in nothing but where they are seen', () => {
    expect(gateways).toHaveLength(2)
    const [one, other] = gateways.map(([, { volumes: _, ports: __, ...rest }]) => rest)
    expect(one).toEqual(other as typeof one)
  })

  test.each(serving)('%s: every variable is read, and holds what is expected', (name, service) => {
    const env = environmentOf(service)
    const asked = new Set<string | symbol>()
    const watched = new Proxy(env, {
      get(target, name) {
        asked.add(name)
        return Reflect.get(target, name)
      },
    })
    const environment = readEnvironment(watched)
    const config = loadConfig({ file: shippedConfigFile, env: watched })
    expect(Object.keys(env).filter((name) => !asked.has(name))).toEqual([])

    expect(environment.redisUrl).toBe('redis://redis:6379')
    // Who signs in is no affair of the gateways that sell.
    if (name === 'management') expect(environment.jwtSecret?.length).toBeGreaterThanOrEqual(32)
    else expect(environment.jwtSecret).toBeUndefined()
    expect(config.gateways).toBe(gateways.length)
    expect(config.trustedProxies).toBe(name === 'management' ? 0 : 1)
    expect(environment.metrics).toEqual({ hostname: '0.0.0.0', port: 9464 })
  })

  test.each(gateways)('%s: has time to drain and to end its calls', (_, service) => {
    const { drainSeconds } = readEnvironment(environmentOf(service))
    const [, seconds] = /^(\d+)s$/.exec(service.stop_grace_period ?? '') ?? []
    expect(drainSeconds).toBeGreaterThan(3) // two questions of the balancer, and a second each
    expect(Number(seconds)).toBeGreaterThanOrEqual(drainSeconds + 30 + 5)
  })

  test.each(gateways)(
    '%s: publishes metrics to this machine only, and calls not at all',
    (_, g) => {
      expect(g.ports).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+:9464$/)])
    },
  )
})

describe('management of compose.yaml', () => {
  test('is one, reached from this machine only', () => {
    expect(managing).toHaveLength(1)
    for (const port of managing[0]?.[1].ports ?? []) expect(port).toStartWith('127.0.0.1:')
  })

  test('has a login of its own, as each plane has', () => {
    const created = [
      ...read('deploy/logins.sh').matchAll(/create role (\w+) login .* in role (\w+);/g),
    ]
    const roleOf = Object.fromEntries(created.map(([, login, role]) => [login, role]))
    expect(roleOf).toEqual({
      ...{ calls: roleNames.calls, management: roleNames.management },
      ...{ portal: roleNames.portal, reader: roleNames.reader },
    })
    for (const [, service] of serving) {
      const plane = service.command?.[service.command.indexOf('--plane') + 1]
      expect(new URL(environmentOf(service).DATABASE_URL ?? '').username).toBe(plane as string)
      const ofOwners = environmentOf(service).PORTAL_DATABASE_URL
      if (plane === 'management') expect(new URL(ofOwners ?? '').username).toBe('portal')
    }
  })
})

describe('compose.yaml', () => {
  test.each(ours)('%s runs a command with options that it takes', async (_, { command = [] }) => {
    const [name, ...options] = command
    const { default: known } = await import(`../../src/cli/commands/${name}.ts`)
    const taken = options.filter((option) => option.startsWith('--'))
    expect(known.options.map(({ long }: Option) => long)).toEqual(expect.arrayContaining(taken))
  })

  test('sends calls to the demo upstreams where they listen', async () => {
    const { default: demo } = await import('../../src/cli/commands/demo.ts')
    const port = (name: string) =>
      demo.options.find(({ long }) => long === `--${name}`)?.defaultValue
    for (const [, service] of gateways) {
      const env = environmentOf(service)
      for (const name of Object.keys(loadConfig({ file: shippedConfigFile, env: {} }).services)) {
        expect(env[`${name.toUpperCase()}_SERVICE_URL`]).toBe(`http://demo:${port(name)}`)
      }
    }
  })

  test('balances over the gateways where they listen', () => {
    const { environment } = services.balancer as Service
    const { LISTEN, ...addresses } = environment as Record<string, string>
    expect(Object.values(addresses)).toEqual(gateways.map(([name]) => `${name}:${imageEnv.PORT}`))
    const asked = [...read('deploy/haproxy.cfg').matchAll(/"\$\{(\w+)\}"/g)].map(([, name]) => name)
    expect([...new Set(asked)].toSorted()).toEqual(Object.keys(environment ?? {}).toSorted())
    expect(services.balancer?.ports?.[0]).toEndWith(LISTEN as string)
  })

  test('depends on what is there, and mounts what is there', () => {
    for (const { depends_on = {}, volumes = [] } of Object.values(services)) {
      for (const name of Object.keys(depends_on)) expect(services).toHaveProperty(name)
      for (const [from = ''] of volumes.map((volume) => volume.split(':'))) {
        if (from.startsWith('.')) expect([from, existsSync(join(root, from))]).toEqual([from, true])
        else expect(compose.volumes).toHaveProperty(from)
      }
    }
  })

  test('takes no secret from itself', () => {
    for (const { environment = {} } of Object.values(services)) {
      for (const [name, value] of Object.entries(environment)) {
        if (/SECRET|PASSWORD/.test(name)) expect(value).toMatch(/^\$\{\w+:\?[^}]+\}$/)
      }
    }
  })
})

describe('the balancer', () => {
  test('waits longer than the slowest route', () => {
    const seconds = [...read('deploy/haproxy.cfg').matchAll(/timeout (?:client|server) (\d+)s/g)]
    const { routes } = loadConfig({ file: shippedConfigFile, env: {} })
    const slowest = Math.max(...Object.values(routes).map(({ timeoutMs }) => timeoutMs))
    expect(seconds).toHaveLength(2)
    for (const [, limit] of seconds) expect(Number(limit) * 1_000).toBeGreaterThan(slowest)
  })
})

describe('the Dockerfile', () => {
  test('copies what is there and what is not ignored', () => {
    const ignored = read('.dockerignore').split('\n')
    const copied = lines('COPY').filter(([first]) => !first?.startsWith('--from'))
    for (const source of copied.flatMap((words) => words.slice(0, -1))) {
      expect([source, existsSync(join(root, source))]).toEqual([source, true])
      expect(ignored).not.toContain(source)
    }
  })

  test('runs as nobody, and shows the ports that are listened on', () => {
    expect(Number(lines('USER')[0]?.[0]?.split(':')[0])).toBeGreaterThan(0)
    const { port, metrics } = readEnvironment(imageEnv)
    expect(lines('EXPOSE')).toEqual([[`${port}`, `${metrics?.port}`]])
  })
})
