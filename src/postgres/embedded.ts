// A PostgreSQL for machines that have none. `tollbook up` and the tests start it, or use it when it already runs.
//
// All files of one server are in one folder, so deleting the folder deletes the server:
//
//   cluster/     PostgreSQL's own data directory
//   password     the superuser's password, created at the first start; only the server's user can read it
//   port         the port of the last start; the next start takes it again when it is free, so that URLs stay valid
//   program-…/   the binaries, copied from the npm package
//   log          what the server wrote since its last start; log.previous is from the start before
//   lock         locked while a process starts or stops the server
//
// The server keeps running when our process ends. It has a session of its own, so Ctrl-C in a terminal does not reach
// it before the gateway has settled its calls. After kill -9 of the gateway, the next start finds the server and uses
// it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundledPostgres } from './bundled.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { withFolderLock } from './folder-lock.ts'
import { assertIsOurs, launch, waitUntilReady } from './launch.ts'
import {
  postmasterOf,
  releaseStalePid,
  runsOn,
  stopPostmaster,
  waitUntilGone,
} from './postmaster.ts'
import { serverFolder } from './server-folder.ts'

export type EmbeddedPostgres = {
  /** `postgres://postgres:PASSWORD@127.0.0.1:PORT/postgres`, a superuser's. */
  url: string
  port: number
  /** The process id of the postmaster, PostgreSQL's first process. */
  pid: number
  /** Whether the server was already running. It then keeps the settings of its own start. */
  reused: boolean
  /** Shuts down fast: connections are broken off, a checkpoint is written. Resolves when the process is gone. */
  stop(): Promise<void>
}

/**
 * Starts the PostgreSQL whose data is in `dataDir`, and creates it at the first start. When it already runs, it is used
 * as it is. Resolves when it accepts connections. Several processes may call it at once: one starts the server, and all
 * get the same one.
 *
 * `settings` are settings of PostgreSQL, added to those for a gateway. Every error is a sentence for the person at the
 * terminal.
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string
  log?: (line: string) => void
  settings?: Record<string, string>
}): Promise<EmbeddedPostgres> {
  const { dataDir, log = () => {}, settings = {} } = options
  const bundled = bundledPostgres()
  const folder = serverFolder(dataDir)

  const { cluster, port, pid, reused } = await withFolderLock(folder.path, async () => {
    const cluster = await openCluster(folder, bundled, log)
    const running = await findRunning(cluster, log)
    if (running) {
      log(`PostgreSQL is already running on port ${running.port} (process ${running.pid}).`)
      return { cluster, ...running, reused: true }
    }
    const started = await launch(cluster, settings, lastPort(folder.path), log)
    writeFileSync(join(folder.path, 'port'), `${started.port}\n`)
    log(`PostgreSQL ${bundled.version} runs on port ${started.port} (process ${started.pid}).`)
    return { cluster, ...started, reused: false }
  })

  const stop = async () => {
    if (!runsOn(cluster.path, pid)) return // Then the folder may be gone too, with its lock.
    await withFolderLock(folder.path, () => stopPostmaster(cluster.path, pid))
  }
  return { url: cluster.url(port), port, pid, reused, stop }
}

/** The server that an earlier start left running, after a check that it is ours and accepts our password. */
async function findRunning(
  cluster: Cluster,
  log: (line: string) => void,
): Promise<{ pid: number; port: number } | undefined> {
  const postmaster = postmasterOf(cluster.path)
  if (!postmaster) {
    releaseStalePid(cluster.path)
    return undefined
  }
  if (postmaster.status === 'stopping') {
    await waitUntilGone(cluster.path, postmaster.pid)
    return undefined
  }
  const isAlive = () => runsOn(cluster.path, postmaster.pid)
  const ready = await waitUntilReady(cluster, postmaster.pid, isAlive, log)
  if (!ready) return undefined
  await assertIsOurs(cluster, ready.port)
  return { pid: ready.pid, port: ready.port }
}

function lastPort(folder: string): number | undefined {
  const file = join(folder, 'port')
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined : undefined
}
