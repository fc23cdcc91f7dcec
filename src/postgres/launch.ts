// Starts the postmaster, PostgreSQL's first process, and waits until it accepts connections.

import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { spawnProgram } from './bundled.ts'
import { type Cluster, serverEnvironment } from './cluster.ts'
import { freePort } from './free-port.ts'
import { type Postmaster, postmasterOf } from './postmaster.ts'

/** Settings for a gateway's ledger. Migrations set what concerns single tables. */
const gatewaySettings: Record<string, string> = {
  // A committed charge must survive a crash of the machine. PostgreSQL's defaults are the same; here they are promised.
  fsync: 'on',
  synchronous_commit: 'on',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '128MB',
  // An append-only log writes much and changes little, so rare checkpoints save writing whole pages again.
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  // The statements are short and many, so compiling them costs more than it saves.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  cluster_name: 'tollbook',
}

const maxAttempts = 5
/** The children of a killed postmaster end by themselves, and keep its shared memory until then. */
const maxOrphanWaitMs = 15_000
const orphanPollMs = 200
const maxStartMs = 600_000
const reportIntervalMs = 10_000
const pollMs = 10

/**
 * Starts the postmaster on `port`, or on a free port when that is taken. Resolves when it accepts connections. Call it
 * under the folder's lock, and only when no postmaster runs.
 */
export async function launch(
  cluster: Cluster,
  settings: Record<string, string>,
  port: number | undefined,
  log: (line: string) => void,
): Promise<{ pid: number; port: number }> {
  let candidate = port
  const orphanDeadlineMs = performance.now() + maxOrphanWaitMs
  for (let attempt = 1; ; ) {
    const chosen = await freePort(candidate)
    const child = spawnPostmaster(cluster, { ...gatewaySettings, ...settings, port: `${chosen}` })
    const isAlive = () => child.exitCode === null && child.signalCode === null
    if (await waitUntilReady(cluster, child.pid, isAlive, log)) {
      await assertIsOurs(cluster, chosen)
      return { pid: child.pid, port: chosen }
    }
    const output = readLog(cluster)
    if (output.includes('shared memory block') && performance.now() < orphanDeadlineMs) {
      await Bun.sleep(orphanPollMs)
      continue
    }
    // Another process may have taken the port meanwhile.
    if (!output.includes('could not bind') || attempt === maxAttempts) {
      throw new Error(`PostgreSQL in ${cluster.folder.path} did not start. It said:\n${output}`)
    }
    candidate = undefined
    attempt++
  }
}

/**
 * Resolves to the postmaster once it is ready, or to undefined when its process ends first. Recovery after a crash can
 * take minutes, so it waits for as long as the process lives, up to ten minutes.
 */
export async function waitUntilReady(
  cluster: Cluster,
  pid: number,
  isAlive: () => boolean,
  log: (line: string) => void,
): Promise<Postmaster | undefined> {
  const started = performance.now()
  let nextReportMs = reportIntervalMs
  while (isAlive()) {
    const postmaster = postmasterOf(cluster.path)
    if (postmaster?.pid === pid && postmaster.status === 'ready') return postmaster
    const elapsedMs = performance.now() - started
    if (elapsedMs > maxStartMs) {
      throw new Error(
        `PostgreSQL (process ${pid}) has been starting for ten minutes. Look into ${logFile(cluster)}.`,
      )
    }
    if (elapsedMs > nextReportMs) {
      log('PostgreSQL is still starting; after a crash it first replays its own log.')
      nextReportMs += reportIntervalMs
    }
    await Bun.sleep(pollMs)
  }
  return undefined
}

/** Connects once, to check that the server accepts our password and serves this cluster. */
export async function assertIsOurs(cluster: Cluster, port: number): Promise<void> {
  // Said here, because the library takes it from the environment otherwise, and refuses some of its values.
  const kind = { target_session_attrs: 'primary' } as const
  const sql = postgres(cluster.url(port), { max: 1, connect_timeout: 30, ...kind })
  try {
    const [row] = await sql`select current_setting('data_directory') as path`
    if (row?.path !== cluster.path) throw new Error(`it serves ${row?.path}`)
  } catch (error) {
    throw new Error(
      `The PostgreSQL on port ${port} is not the one of ${cluster.folder.path}: ${error instanceof Error ? error.message : error}. If its password was changed, write it into ${join(cluster.folder.path, 'password')}; otherwise stop that server and start again.`,
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
