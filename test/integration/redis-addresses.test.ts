// What gateways and `doctor` make of each kind of Redis, set up rightly and wrongly.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { checkRedis } from '../../src/cli/doctor/check-redis.ts'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { openRateLimiter } from '../../src/gate/rate-limit/open-rate-limiter.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import { makeCertificates } from '../support/certificates.ts'
import { startRedis, type TestRedis } from '../support/redis.ts'
import { startCluster, type TestCluster } from '../support/redis-cluster.ts'
import { startSentinels, type TestSentinels } from '../support/redis-sentinels.ts'
import { until } from '../support/until.ts'

/** As docs/DEPLOY.md has them. */
const rights =
  '~tollbook:* -@all +eval +evalsha +info +select +time +lindex +lset +ltrim +llen +lrem +rpush +pexpire +zadd +zrange +zrangebyscore +zrem +zremrangebyscore +hget +hset +hdel +hincrby'

const isInstalled = Bun.which('redis-server') !== null
const folder = mkdtempSync(join(tmpdir(), 'tollbook-redis-tls-'))
const said: string[] = []
const log = {
  info() {},
  warn: (fields: unknown) => void said.push((fields as { err: Error }).err.message),
}
let plain: TestRedis
let secured: TestRedis
let cluster: TestCluster
let sentinels: TestSentinels
let tlsPort: number
let clientPort: number

beforeAll(async () => {
  if (!isInstalled) return
  await makeCertificates(folder, 'redis')
  await makeCertificates(folder, 'other')
  tlsPort = await freePort()
  clientPort = await freePort()
  const tls = {
    'tls-cert-file': join(folder, 'redis.crt'),
    'tls-key-file': join(folder, 'redis.key'),
    'tls-ca-cert-file': join(folder, 'redis-ca.crt'),
  }
  ;[plain, secured, cluster, sentinels] = await Promise.all([
    startRedis(),
    startRedis(undefined, { ...tls, 'tls-port': tlsPort, 'tls-auth-clients': 'yes' }),
    startCluster(),
    startSentinels(),
  ])
})
afterAll(async () => {
  await Promise.all([plain, secured, cluster, sentinels].map((each) => each?.stop()))
  rmSync(folder, { recursive: true, force: true })
})

const files = (ca = 'redis') =>
  `sslrootcert=${folder}/${ca}-ca.crt&sslcert=${folder}/redis.crt&sslkey=${folder}/redis.key`

async function problems(url: string): Promise<Finding[]> {
  return (await checkRedis(url, 2)).filter(({ status }) => status !== 'ok')
}

/** Whether a gateway counts there, and what it says when it does not. */
async function decidesAt(redisUrl: string): Promise<boolean> {
  said.length = 0
  const limiter = await openRateLimiter({ redisUrl, gateways: 1, prefix: 'tollbook:', log })
  try {
    const limits = [{ key: `{${crypto.randomUUID()}:live}`, limit: 10, windowMs: 1_000 }]
    const first = await limiter.takePermit(limits)
    return !first.degraded && (await limiter.takePermit(limits)).state.remaining === 8
  } finally {
    await limiter.close()
  }
}

describe.skipIf(!isInstalled)('one server', () => {
  test('decides by any of its databases, and has no others', async () => {
    expect(await decidesAt(`${plain.url}/3`)).toBe(true)
    expect(await problems(`${plain.url}/3`)).toEqual([])
    expect(await decidesAt(`${plain.url}/99`)).toBe(false)
    expect(said).toEqual(['ERR DB index is out of range'])
    expect(await problems(`${plain.url}/99`)).toMatchObject([
      { status: 'problem', advice: expect.stringContaining('number of a database') },
    ])
  })

  test('takes a user who may do what gateways do, and no more', async () => {
    const admin = new Redis(plain.url)
    await admin.call('ACL', 'SETUSER', 'gateway', 'on', '>pw', ...rights.split(' '))
    await admin.call('ACL', 'SETUSER', 'reader', 'on', '>pw', '~*', '+@read', '+info')
    admin.disconnect()
    const as = (login: string) => plain.url.replace('://', `://${login}@`)
    expect(await decidesAt(as('gateway:pw'))).toBe(true)
    expect(await problems(as('gateway:pw'))).toEqual([])
    expect(await decidesAt(as('gateway:other'))).toBe(false)
    expect(said).toEqual([expect.stringContaining('WRONGPASS')])
    expect(await problems(as('gateway:other'))).toMatchObject([
      { found: expect.stringContaining('WRONGPASS'), advice: expect.stringContaining('password') },
    ])
    expect(await problems(as('reader:pw'))).toMatchObject([
      { found: expect.stringContaining('NOPERM'), advice: expect.stringContaining('rights') },
    ])
  })

  test('is spoken to in TLS, and is who its certificate says', async () => {
    const right = `rediss://localhost:${tlsPort}?${files()}`
    expect(await decidesAt(right)).toBe(true)
    expect(await problems(right)).toEqual([])
    const wrong: [string, string][] = [
      [`rediss://127.0.0.1:${tlsPort}?${files()}`, 'as its certificate has it'],
      [`rediss://localhost:${tlsPort}`, 'sslrootcert=FILE'],
      [`rediss://localhost:${tlsPort}?${files('other')}`, 'sslrootcert=FILE'],
      [`rediss://localhost:${tlsPort}?sslrootcert=${folder}/redis-ca.crt`, 'sslcert=FILE'],
      [`rediss://localhost:${tlsPort}?sslrootcert=${folder}/none.crt`, 'name of the file'],
      [`rediss://localhost:${plain.port}`, 'redis instead of rediss'],
      [`redis://localhost:${tlsPort}`, 'rediss instead of redis'],
      [`redis://localhost:${clientPort}`, 'Start it'],
    ]
    for (const [url, advice] of wrong) {
      expect(await decidesAt(url)).toBe(false)
      const [found, ...more] = await problems(url)
      expect([url, found?.advice, more]).toEqual([url, expect.stringContaining(advice), []])
    }
  })

  test('is not a node of a Cluster, a replica or a Sentinel', async () => {
    const [node] = cluster.nodes
    const [, replica] = sentinels.servers
    const [sentinel] = sentinels.ports
    const wrong: [string, string][] = [
      [node?.url ?? '', 'redis+cluster://'],
      [replica?.url ?? '', 'address of its master'],
      [`redis://127.0.0.1:${sentinel}`, 'redis+sentinel://'],
    ]
    for (const [url, advice] of wrong) {
      expect(await decidesAt(url)).toBe(false)
      expect(await problems(url)).toMatchObject([
        { status: 'problem', advice: expect.stringContaining(advice) },
      ])
    }
  })
})

describe.skipIf(!isInstalled)('a Cluster', () => {
  test('decides wherever an account is, and is asked by any of its nodes', async () => {
    for (let n = 0; n < 12; n++) expect(await decidesAt(cluster.url)).toBe(true)
    const replica = cluster.nodes.at(-1)
    expect(await decidesAt(`redis+cluster://127.0.0.1:${replica?.port}`)).toBe(true)
    expect(await problems(cluster.url)).toEqual([])
  })

  test('takes a user who may do what gateways do, and no more', async () => {
    for (const { client } of cluster.nodes) {
      const may = `${rights} +get +set +cluster|nodes`.split(' ')
      await client.call('ACL', 'SETUSER', 'gateway', 'on', '>pw', ...may)
    }
    const url = cluster.url.replace('://', '://gateway:pw@')
    expect(await decidesAt(url)).toBe(true)
    expect(await problems(url)).toEqual([])
    expect(await decidesAt(cluster.url.replace('://', '://gateway:other@'))).toBe(false)
    expect(said).toEqual([expect.stringContaining('WRONGPASS')])
  })

  test('needs a node that knows it', async () => {
    const url = `redis+cluster://127.0.0.1:${plain.port}`
    expect(await decidesAt(url)).toBe(false)
    expect(await problems(url)).toMatchObject([{ advice: expect.stringContaining('no Cluster') }])
  })

  test('should not refuse all slots for the sake of some', async () => {
    const [node] = cluster.nodes
    await node?.client.call('CONFIG', 'SET', 'cluster-require-full-coverage', 'yes')
    expect(await problems(cluster.url)).toMatchObject([{ check: 'coverage', status: 'warning' }])
    await node?.client.call('CONFIG', 'SET', 'cluster-require-full-coverage', 'no')
  })
})

describe.skipIf(!isInstalled)('a master behind Sentinels', () => {
  test('decides, and says how many replicas it needs', async () => {
    await until(async () => (await problems(sentinels.url)).length === 0)
    expect(await decidesAt(sentinels.url)).toBe(true)
    const findings = await checkRedis(sentinels.url, 2)
    expect(findings.map(({ check }) => check)).toEqual([
      'sentinels',
      'redis',
      'replicas',
      'eviction',
    ])
    expect(findings[0]?.found).toMatch(/^3 name 127\.0\.0\.1:\d+ as limits$/)
    const admin = new Redis((await sentinels.master()).url)
    await admin.call('CONFIG', 'SET', 'min-replicas-to-write', 0)
    expect(await problems(sentinels.url)).toMatchObject([
      { check: 'replicas', advice: expect.stringContaining('min-replicas-to-write 1') },
    ])
    await admin.call('CONFIG', 'SET', 'min-replicas-to-write', 1)
    admin.disconnect()
  })

  test('has the name that they know it by', async () => {
    const url = sentinels.url.replace('/limits', '/limit')
    expect(await decidesAt(url)).toBe(false)
    const found = await problems(url)
    expect(found).toHaveLength(3)
    expect(found[0]?.advice).toContain('SENTINEL MASTERS')
  })

  test('is found by any Sentinel that replies', async () => {
    const away = await freePort()
    const [, , last] = sentinels.ports
    const url = `redis+sentinel://127.0.0.1:${away},127.0.0.1:${last}/limits`
    expect(await decidesAt(url)).toBe(true)
    expect((await problems(url)).map(({ check, status }) => [check, status])).toEqual([
      ['sentinels', 'problem'],
      ['sentinels', 'warning'],
    ])
  })

  test('needs Sentinels', async () => {
    const url = `redis+sentinel://127.0.0.1:${plain.port}/limits`
    expect(await problems(url)).toMatchObject([{ advice: expect.stringContaining('no Sentinel') }])
  })
})
