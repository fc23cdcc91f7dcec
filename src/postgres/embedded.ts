// The PostgreSQL of a machine that has none: `tollbook up` and the tests start it, or find it still running.
//
// Everything of one server lies in one folder, so that deleting the folder deletes the server:
//
//   cluster/     PostgreSQL's own data directory
//   password     the superuser's password, made at the first start, readable by the server's user alone
//   port         the port of the last start, taken again when it is free, so that URLs stay good
//   program-…/   the binaries, copied out of the npm package
//   log          what the server had to say since its last start; log.previous: since the one before
//   lock         held while somebody starts or stops the server
//
// The server outlives us: it leads a session of its own, so a terminal's Ctrl-C does not reach it before the
// gateway has settled its calls, and after kill -9 of the gateway the next start finds it and uses it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundledPostgres } from './bundled.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { serverFolder } from './folder.ts'
import { withFolderLock } from './folder-lock.ts'
import { assertAnswers, launch, waitUntilReady } from './launch.ts'
import {
  postmasterOf,
  releaseStalePid,
  runsOn,
  stopPostmaster,
  waitUntilGone,
} from './postmaster.ts'

export type EmbeddedPostgres = {
  /** `postgres://postgres:PASSWORD@127.0.0.1:PORT/postgres`, a superuser's. */
  url: string
  port: number
  /** The postmaster's process. */
  pid: number
  /** Whether the server was already running, with the settings it was started with. */
  reused: boolean
  /** Fast shutdown: breaks off what is connected, writes a checkpoint, resolves when the process is gone. */
  stop(): Promise<void>
}

/**
 * Starts the PostgreSQL whose data lies in `dataDir`, creating it at the first start, or takes over the one
 * that already runs there. Resolves when it accepts connections. May be called by several processes at
 * once: one starts, the others get the same server.
 *
 * `settings` are PostgreSQL's own, on top of those for a gateway; a server found running keeps its own.
 * Every error is a sentence for the person at the terminal.
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
    const started = await launch(cluster, settings, rememberedPort(folder.path), log)
    writeFileSync(join(folder.path, 'port'), `${started.port}\n`)
    log(`PostgreSQL ${bundled.version} runs on port ${started.port} (process ${started.pid}).`)
    return { cluster, ...started, reused: false }
  })

  const stop = async () => {
    if (!runsOn(cluster.path, pid)) return // and the folder may be gone, lock and all
    await withFolderLock(folder.path, () => stopPostmaster(cluster.path, pid))
  }
  return { url: cluster.url(port), port, pid, reused, stop }
}

/** The server that a former start left running, once it is known to be ours and to accept our password. */
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
  await assertAnswers(cluster, ready.port)
  return { pid: ready.pid, port: ready.port }
}

function rememberedPort(folder: string): number | undefined {
  const file = join(folder, 'port')
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) || undefined : undefined
}
