/** Checks Redis, which counts calls for rate limits. This client says why connecting fails; the gateway's does not. */
import { Redis } from 'ioredis'
import { type Finding, ok, problem, warning } from './finding.ts'

const timeoutMs = 3_000

export async function checkRedis(url: string | undefined, gateways: number): Promise<Finding[]> {
  if (url === undefined) {
    if (gateways <= 1) return [ok('redis', 'not set: one gateway limits rates by itself')]
    return [
      problem(
        'redis',
        `not set, with ${gateways} gateways configured`,
        'Set REDIS_URL: without it, each gateway admits the whole of every rate limit by itself.',
      ),
    ]
  }
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  redis.on('error', () => {}) // a command throws the same error
  try {
    await redis.connect()
    return findings(fieldsOf(await redis.info()))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return [
      problem(
        'redis',
        `cannot be reached: ${reason}`,
        'Start it or correct REDIS_URL; until then each gateway admits a part of each rate limit by itself.',
      ),
    ]
  } finally {
    redis.disconnect()
  }
}

function findings(info: ReadonlyMap<string, string>): Finding[] {
  const version = info.get('redis_version') ?? 'unknown'
  const policy = info.get('maxmemory_policy') ?? 'unknown'
  const limited = Number(info.get('maxmemory') ?? 0) > 0
  return [
    Number.parseInt(version, 10) >= 7
      ? ok('redis', `version ${version}`)
      : problem('redis', `version ${version}`, 'Upgrade to Redis 7 or newer.'),
    !limited || policy === 'noeviction'
      ? ok('eviction', limited ? policy : `${policy}, without a memory limit`)
      : warning(
          'eviction',
          policy,
          'Set maxmemory-policy to noeviction: a rate limit whose calls were evicted is counted from zero, and admits up to twice as many.',
        ),
  ]
}

function fieldsOf(info: string): Map<string, string> {
  return new Map(
    info.split('\r\n').flatMap((line): [string, string][] => {
      const at = line.indexOf(':')
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : []
    }),
  )
}
