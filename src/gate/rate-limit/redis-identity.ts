/** Says which Redis a connection leads to, whether it may decide, and for how long it has certainly kept its memory. */
import type { Redis } from 'ioredis'
import type { RedisAddress } from '../../config/redis-url.ts'
import type { RedisIdentity } from './redis-trust.ts'

/**
 * Since when the gateways have known this server as the master that it is. A promoted replica has been up for long, but what it
 * counts it has from a master that may have been ahead of it. So the first gateway that finds it writes down the time, and
 * those that start later read it. The value names the master, for a replica has the key from the one before.
 *
 * KEYS  the key
 * ARGV  the master's name
 * Replies the milliseconds since then.
 */
const sinceScript = `
local clock = redis.call('TIME')
local nowMs = clock[1] * 1000 + math.floor(clock[2] / 1000)
local known = redis.call('GET', KEYS[1])
local master, sinceMs = string.match(known or '', '^(%S+) (%d+)$')
if master == ARGV[1] then return math.max(0, nowMs - sinceMs) end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. string.format('%.0f', nowMs))
return 0
`

/** A server that does not decide as the address says. The message says what to write instead. */
export class WrongRedis extends Error {
  override readonly name = 'WrongRedis'
}

/** @throws WrongRedis */
export function assertDecides(info: string, kind: RedisAddress['kind']): void {
  const mode = fieldOf(info, 'redis_mode')
  if (mode === 'sentinel') {
    throw new WrongRedis('this is a Sentinel: write redis+sentinel://a,b,c/master-name')
  }
  if (mode === 'cluster' && kind !== 'cluster') {
    throw new WrongRedis('this is a node of a Redis Cluster: write redis+cluster://a,b,c')
  }
  if (fieldOf(info, 'role') === 'slave')
    throw new WrongRedis('this is a replica, which decides nothing')
}

/**
 * @param info the reply to INFO
 * @param key where masters of a Cluster or behind Sentinels write down since when they are known
 */
export async function readIdentity(
  client: Redis,
  info: string,
  kind: RedisAddress['kind'],
  key: string,
): Promise<RedisIdentity> {
  const runId = fieldOf(info, 'run_id')
  const uptimeSeconds = Number(fieldOf(info, 'uptime_in_seconds'))
  if (runId === undefined || Number.isNaN(uptimeSeconds)) {
    throw new Error('INFO does not say which Redis this is')
  }
  // The uptime is in whole seconds, so a second less is what is certain.
  const uptimeMs = Math.max(0, uptimeSeconds - 1) * 1_000
  if (kind === 'server') return { id: runId, trustedForMs: uptimeMs }
  // A promotion changes the id of what is replicated, and nothing else does but a first replica or a long want of any.
  const id = `${runId}:${fieldOf(info, 'master_replid')}`
  // A slot that is just leaving the server has no place for the key.
  const knownMs = await client.call('EVAL', sinceScript, 1, key, id).catch(() => 0)
  return { id, trustedForMs: Math.min(uptimeMs, Number(knownMs)) }
}

/** A field of what INFO replies. */
export function fieldOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]
}
