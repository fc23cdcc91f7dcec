// Starts a postmaster, and waits until it accepts connections.

import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { spawnProgram } from './bundled.ts'
import { type Cluster, serverEnvironment } from './cluster.ts'
import { freePort } from './free-port.ts'
import { type Postmaster, postmasterOf } from './postmaster.ts'

/** What a gateway wants of its ledger. What concerns single tables is set by the migrations, not here. */
const gatewaySettings: Record<string, string> = {
  // A charge that was answered for must survive the machine's fall. Both are defaults; this is a promise.
  fsync: 'on',
  synchronous_commit: 'on',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  // An append-only log writes much and changes little: rarer checkpoints write fewer whole pages again.
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // The statements are short and many: compiling them costs more than it saves.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  cluster_name: 'tollbook',
}

const attempts = 5
/** How long children of a killed postmaster are waited for: they end by themselves, and hold its memory until then. */
const orphansLimitMs = 15_000
const orphansPollMs = 200
const readyLimitMs = 600_000
const stillStartingMs = 10_000
const pollMs = 10

/**
 * Starts the postmaster on `port`, or on a free one when that is taken, and resolves when it accepts
 * connections. Call it under the folder's lock, when no postmaster runs.
 */
export async function launch(
  cluster: Cluster,
  settings: Record<string, string>,
  port: number | undefined,
  log: (line: string) => void,
): Promise<{ pid: number; port: number }> {
  let candidate = port
  const orphansUntilMs = performance.now() + orphansLimitMs
  for (let attempt = 1; ; ) {
    const chosen = await freePort(candidate)
    const child = spawnPostmaster(cluster, { ...gatewaySettings, ...settings, port: `${chosen}` })
    const isAlive = () => child.exitCode === null && child.signalCode === null
    if (await waitUntilReady(cluster, child.pid, isAlive, log)) {
      await assertAnswers(cluster, chosen)
      return { pid: child.pid, port: chosen }
    }
    const said = readLog(cluster)
    if (said.includes('shared memory block') && performance.now() < orphansUntilMs) {
      await Bun.sleep(orphansPollMs)
      continue
    }
    // Somebody took the port between our look and the server's.
    if (!said.includes('could not bind') || attempt === attempts) {
      throw new Error(`PostgreSQL in ${cluster.folder.path} did not start. It said:\n${said}`)
    }
    candidate = undefined
    attempt++
  }
}

/**
 * Resolves to the postmaster once it is ready, or to undefined when its process ends before. Recovery after
 * a crash can take minutes, so what is waited for is the process, not a clock.
 */
export async function waitUntilReady(
  cluster: Cluster,
  pid: number,
  isAlive: () => boolean,
  log: (line: string) => void,
): Promise<Postmaster | undefined> {
  const started = performance.now()
  let nextReportMs = stillStartingMs
  while (isAlive()) {
    const postmaster = postmasterOf(cluster.path)
    if (postmaster?.pid === pid && postmaster.status === 'ready') return postmaster
    const elapsedMs = performance.now() - started
    if (elapsedMs > readyLimitMs) {
      throw new Error(
        `PostgreSQL (process ${pid}) has been starting for ten minutes. Look into ${logFile(cluster)}.`,
      )
    }
    if (elapsedMs > nextReportMs) {
      log('PostgreSQL is still starting; after a crash it first reads its log again.')
      nextReportMs += stillStartingMs
    }
    await Bun.sleep(pollMs)
  }
  return undefined
}

/** Connects once: the server must take our password and be the one of this cluster. */
export async function assertAnswers(cluster: Cluster, port: number): Promise<void> {
  const sql = postgres(cluster.url(port), { max: 1, connect_timeout: 30 })
  try {
    const [row] = await sql`select current_setting('data_directory') as path`
    if (row?.path !== cluster.path) throw new Error(`it serves ${row?.path}`)
  } catch (error) {
    throw new Error(
      `The PostgreSQL on port ${port} does not answer as the one of ${cluster.folder.path}: ${error instanceof Error ? error.message : error}. If its password was changed, write it into ${join(cluster.folder.path, 'password')}; otherwise stop that server and start again.`,
    )
  } finally {
    await sql.end({ timeout: 5 })
  }
}

function spawnPostmaster(cluster: Cluster, settings: Record<string, string>): Bun.Subprocess {
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const output = openFreshLog(cluster)
  try {
    const child = spawnProgram(() =>
      Bun.spawn([join(cluster.bin, 'postgres'), '-D', cluster.path, ...flags], {
        ...cluster.folder.user,
        cwd: cluster.folder.path,
        env: serverEnvironment,
        stdin: 'ignore',
        stdout: output,
        stderr: output,
        detached: true,
      }),
    )
    child.unref()
    return child
  } finally {
    closeSync(output)
  }
}

function logFile(cluster: Cluster): string {
  return join(cluster.folder.path, 'log')
}

function openFreshLog(cluster: Cluster): number {
  if (existsSync(logFile(cluster))) renameSync(logFile(cluster), `${logFile(cluster)}.previous`)
  return openSync(logFile(cluster), 'w', 0o600)
}

function readLog(cluster: Cluster): string {
  return readFileSync(logFile(cluster), 'utf8').trim().split('\n').slice(-20).join('\n')
}
