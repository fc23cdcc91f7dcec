/** Checks Redis, which counts calls for rate limits: one server, the master behind Sentinels, or the nodes of a Cluster. */
import {
  parseRedisUrl,
  printRedisHost,
  type RedisAddress,
  type RedisHost,
} from '../../config/redis-url.ts'
import { openRedisClient, type RedisServer, serverAt } from '../../gate/rate-limit/redis-client.ts'
import { connectToRedis } from '../../gate/rate-limit/redis-connection.ts'
import { fieldOf } from '../../gate/rate-limit/redis-identity.ts'
import {
  masterOf,
  mastersOfSlots,
  sentinelQuestions,
  sentinelView,
} from '../../gate/rate-limit/redis-masters.ts'
import { slotCount, tagInSlot } from '../../gate/rate-limit/redis-slots.ts'
import { type Finding, ok, problem, warning } from './finding.ts'
import { adviceOn, reasonOf } from './redis-advice.ts'

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
  const address = parseRedisUrl(url)
  if (address.kind === 'cluster') return checkCluster(address)
  if (address.kind === 'sentinel') return checkSentinels(address)
  const [host] = address.hosts
  if (!host) return []
  const { info, findings } = await checkServer(address, host, accountTag())
  return info === undefined ? findings : [...findings, ...checkEviction(info)]
}

/** Asks one server what a gateway asks it: to sign in, and to take a permit of an account. */
async function checkServer(
  address: RedisAddress,
  host: RedisHost,
  tag: string,
): Promise<{ info?: string; findings: Finding[] }> {
  const server = serverAt(host, address)
  const at = address.kind === 'server' ? '' : `${printRedisHost(host)}: `
  try {
    const connection = await connectToRedis(server, {
      kind: address.kind,
      prefix: 'tollbook:',
      tag,
    })
    connection.close()
    const info = String(await ask(server, 'INFO'))
    const version = fieldOf(info, 'redis_version') ?? 'unknown'
    const isNew = Number.parseInt(version, 10) >= 7
    const found = `${at}version ${version}`
    if (!isNew) return { info, findings: [problem('redis', found, 'Upgrade to Redis 7 or newer.')] }
    return { info, findings: [ok('redis', found)] }
  } catch (error) {
    const found = `${at}cannot be used: ${reasonOf(error)}`
    return { findings: [problem('redis', found, adviceOn(error, address))] }
  }
}

async function checkSentinels(address: RedisAddress): Promise<Finding[]> {
  const { hosts, tls, sentinel } = address
  if (!sentinel) return []
  const views: ReturnType<typeof sentinelView>[] = []
  const findings: Finding[] = []
  for (const host of hosts) {
    try {
      const server = { ...host, tls, login: sentinel.login, database: 0 }
      const replies: unknown[] = []
      for (const question of sentinelQuestions(sentinel.master)) {
        replies.push(await ask(server, ...question))
      }
      views.push(sentinelView(replies))
    } catch (error) {
      const found = `${printRedisHost(host)} cannot be asked: ${reasonOf(error)}`
      findings.push(problem('sentinels', found, adviceOn(error, address)))
    }
  }
  const master = masterOf(views)
  if (!master) return findings
  if (findings.length === 0) {
    findings.push(
      ok('sentinels', `${views.length} name ${printRedisHost(master)} as ${sentinel.master}`),
    )
  }
  if (hosts.length < 3) {
    findings.push(
      warning(
        'sentinels',
        `${hosts.length} in REDIS_URL`,
        'Name at least three, each on a machine of its own: else one that is away takes the news of a failover with it.',
      ),
    )
  }
  const { info, findings: ofMaster } = await checkServer(address, master, accountTag())
  findings.push(...ofMaster)
  if (info === undefined) return findings
  return [...findings, checkReplicas(info), ...checkEviction(info)]
}

/** INFO has the number of good replicas only where a master asks for some. */
function checkReplicas(info: string): Finding {
  const good = fieldOf(info, 'min_slaves_good_slaves')
  if (good === undefined) {
    return warning(
      'replicas',
      'min-replicas-to-write is 0',
      'Set min-replicas-to-write 1 on all servers: a master that a partition has cut off goes on counting for ever otherwise, beside the one that replaced it.',
    )
  }
  return Number(good) > 0
    ? ok('replicas', `${good} that follow; a master without any takes nothing`)
    : problem('replicas', 'none follows, so the master takes nothing', 'Start a replica.')
}

async function checkCluster(address: RedisAddress): Promise<Finding[]> {
  const views: { text: string; asked: RedisHost }[] = []
  const findings: Finding[] = []
  for (const asked of address.hosts) {
    try {
      views.push({ text: String(await ask(serverAt(asked, address), 'CLUSTER', 'NODES')), asked })
    } catch (error) {
      const found = `${printRedisHost(asked)} cannot be asked: ${reasonOf(error)}`
      findings.push(problem('redis', found, adviceOn(error, address)))
    }
  }
  if (views.length === 0) return findings
  const slots = mastersOfSlots(views, address.tls !== undefined)
  const masters = new Map<string, { host: RedisHost; slot: number }>()
  for (const [slot, host] of slots.entries()) {
    if (host && !masters.has(printRedisHost(host)))
      masters.set(printRedisHost(host), { host, slot })
  }
  const served = slots.filter((host) => host !== undefined).length
  findings.push(
    served === slotCount
      ? ok('cluster', `${masters.size} masters have all ${slotCount} slots`)
      : problem(
          'cluster',
          `${slotCount - served} slots are nobody's`,
          'Give each slot to a master (redis-cli --cluster fix); until then accounts in them go by local rate limits.',
        ),
  )
  for (const { host, slot } of masters.values()) {
    const { info, findings: ofMaster } = await checkServer(address, host, tagInSlot(slot))
    findings.push(...ofMaster)
    if (info === undefined) continue
    findings.push(...checkEviction(info), ...(await checkMaster(address, host, info)))
  }
  return findings
}

async function checkMaster(
  address: RedisAddress,
  host: RedisHost,
  info: string,
): Promise<Finding[]> {
  const at = printRedisHost(host)
  const findings: Finding[] = []
  if (fieldOf(info, 'connected_slaves') === '0') {
    findings.push(
      warning(
        'replicas',
        `${at} has none`,
        'Give each master a replica: without one, accounts on a master that dies go by local rate limits until it is back.',
      ),
    )
  }
  // Who may not ask for settings does not learn this one.
  const coverage = await ask(
    serverAt(host, address),
    'CONFIG',
    'GET',
    'cluster-require-full-coverage',
  )
    .then((reply) => (reply as string[])[1])
    .catch(() => undefined)
  if (coverage === 'yes') {
    findings.push(
      warning(
        'coverage',
        `${at}: cluster-require-full-coverage is yes`,
        'Set it to no: with yes, all masters refuse every call while one of them is being replaced, and all accounts go by local rate limits.',
      ),
    )
  }
  return findings
}

function checkEviction(info: string): Finding[] {
  const policy = fieldOf(info, 'maxmemory_policy') ?? 'unknown'
  const limited = Number(fieldOf(info, 'maxmemory') ?? 0) > 0
  return [
    !limited || policy === 'noeviction'
      ? ok('eviction', limited ? policy : `${policy}, without a memory limit`)
      : warning(
          'eviction',
          policy,
          'Set maxmemory-policy to noeviction: a rate limit whose calls were evicted is counted from zero, and admits up to twice as many.',
        ),
  ]
}

/** As accounts have it: a Cluster has accounts on all its nodes. */
function accountTag(): string {
  return `{${crypto.randomUUID()}:live}`
}

async function ask(server: RedisServer, name: string, ...args: string[]): Promise<unknown> {
  const { client, end } = await openRedisClient(server, timeoutMs)
  const timer = setTimeout(() => end(new Error('it does not reply')), timeoutMs)
  try {
    return await client.call(name, ...args)
  } finally {
    clearTimeout(timer)
    end(new Error('done'))
  }
}
