// A real Redis for the tests: the one of REDIS_URL, or a redis-server of our own when this machine has one.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort } from '../../src/postgres/free-port.ts'
import { atEndOfRun, guardProcess } from './run.ts'

export type TestRedis = {
  /** `redis://127.0.0.1:PORT` */
  url: string
  port: number
  pid: number
  /** Signals the server and resolves when it is gone. Not for SIGSTOP, which leaves it there. */
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>
  /** Resolves when the server is gone, for whatever reason. */
  exited: Promise<unknown>
  /** Ends the server; does nothing when it is gone. */
  stop(): Promise<void>
}

const readyLimitMs = 10_000
const pollMs = 10

let shared: Promise<string | undefined> | undefined

/**
 * The URL of the Redis that the tests of this run share, started when first asked; undefined when there is
 * none to be had. With TOLLBOOK_REQUIRE_REDIS=1 that is an error, so that no run can skip these tests unseen.
 */
export function testRedisUrl(): Promise<string | undefined> {
  shared ??= findRedis()
  return shared
}

/**
 * Starts a redis-server that keeps nothing on disk, on `port` or a free one, for a test that will break it.
 *
 * @param settings more of its settings, by their names in redis.conf
 * @param urlOf its address, where that is another one with these settings
 */
export async function startRedis(
  port?: number,
  settings: Readonly<Record<string, string | number>> = {},
  urlOf = (chosen: number) => `redis://127.0.0.1:${chosen}`,
): Promise<TestRedis> {
  const chosen = port ?? (await freePort())
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-redis-'))
  const flags = {
    port: chosen,
    bind: '127.0.0.1',
    save: '',
    appendonly: 'no',
    dir: folder,
    ...settings,
  }
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = Bun.spawn(['redis-server', ...args], { stdout: 'ignore', stderr: 'ignore' })
  const callOffGuard = guardProcess(server.pid, 'KILL', folder)

  const kill = async (signal: 'SIGKILL' | 'SIGTERM') => {
    server.kill(signal)
    await server.exited
    await callOffGuard()
    rmSync(folder, { recursive: true, force: true })
  }
  const stop = () => kill('SIGKILL') // it keeps nothing, and SIGTERM would wait for ever on a stopped one

  const url = urlOf(chosen)
  try {
    await untilItResponds(url, server)
  } catch (error) {
    await stop()
    throw error
  }
  return { url, port: chosen, pid: server.pid, exited: server.exited, kill, stop }
}

async function findRedis(): Promise<string | undefined> {
  if (process.env.REDIS_URL) return process.env.REDIS_URL
  if (Bun.which('redis-server')) {
    const redis = await startRedis()
    atEndOfRun(redis.stop)
    // When a test times out, Bun ends all that its file has started: the next file then gets a new one.
    redis.exited.then(() => {
      shared = undefined
    })
    return redis.url
  }
  if (process.env.TOLLBOOK_REQUIRE_REDIS === '1') {
    throw new Error('These tests need Redis: set REDIS_URL, or install redis-server.')
  }
  return undefined
}

async function untilItResponds(url: string, server: Bun.Subprocess): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => pollMs })
  client.on('error', () => {}) // refused until the server listens
  const deadline = performance.now() + readyLimitMs
  try {
    client.connect().catch(() => {})
    while (client.status !== 'ready') {
      if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}.`)
      if (performance.now() > deadline) throw new Error('redis-server did not respond in time.')
      await Bun.sleep(pollMs)
    }
  } finally {
    client.disconnect()
  }
}
