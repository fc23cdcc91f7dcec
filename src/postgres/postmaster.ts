// The postmaster is PostgreSQL's first process. It writes a file into its data directory with its process id, its port
// and its status. The file stays behind when the process is killed, and its process id may then belong to another
// process.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Postmaster = {
  pid: number
  port: number
  /** `starting` covers recovery after a crash. */
  status: 'starting' | 'ready' | 'stopping'
}

const maxStopMs = 60_000
const pollMs = 20
/** Higher than every process id of Linux and macOS. */
const unusedPid = 2_147_483_647

/** The postmaster that runs on the data directory `cluster`, or undefined when none does. */
export function postmasterOf(cluster: string): Postmaster | undefined {
  const lines = readPidFile(cluster)
  const pid = Number(lines[0])
  if (!runsOn(cluster, pid)) return undefined
  const status = lines[7]?.trim()
  return {
    pid,
    port: Number(lines[3]),
    status: status === 'ready' || status === 'stopping' ? status : 'starting',
  }
}

/**
 * Replaces a process id that is no longer a postmaster of this cluster by an unused one. Otherwise PostgreSQL could
 * refuse to start, because it checks only that the process lives. The file itself must stay: from its other lines
 * PostgreSQL sees whether children of the dead postmaster are still working, and waits for them rather than corrupt the
 * data.
 */
export function releaseStalePid(cluster: string): void {
  const lines = readPidFile(cluster)
  if (!lines[0] || runsOn(cluster, Number(lines[0]))) return
  lines[0] = String(unusedPid)
  writeFileSync(pidFile(cluster), lines.join('\n'))
}

/** Shuts the postmaster down fast, and waits until it is gone. Does nothing when it is already gone. */
export async function stopPostmaster(cluster: string, pid: number): Promise<void> {
  if (!runsOn(cluster, pid)) return
  process.kill(pid, 'SIGINT')
  await waitUntilGone(cluster, pid)
}

export async function waitUntilGone(cluster: string, pid: number): Promise<void> {
  const deadline = performance.now() + maxStopMs
  while (runsOn(cluster, pid)) {
    if (performance.now() > deadline) {
      throw new Error(
        `PostgreSQL (process ${pid}) was asked to stop a minute ago and still runs. It is probably writing its checkpoint: wait until it is gone, then try again.`,
      )
    }
    await Bun.sleep(pollMs)
  }
}

/** Whether process `pid` is a postmaster of this cluster, which its command line shows. */
export function runsOn(cluster: string, pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1 || pid === process.pid) return false
  const [program, flag, path] = commandLine(pid)
  return program?.endsWith('/postgres') === true && flag === '-D' && path === cluster
}

// As program, -D, data directory. Empty for a process that is gone, and for one that has ended but was not waited for.
function commandLine(pid: number): string[] {
  try {
    if (process.platform === 'linux')
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const line = execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
    const [program = '', rest = ''] = line.trim().split(' -D ')
    return [program, '-D', ...rest.split(' -c ')]
  } catch {
    return []
  }
}

function pidFile(cluster: string): string {
  return join(cluster, 'postmaster.pid')
}

function readPidFile(cluster: string): string[] {
  try {
    return readFileSync(pidFile(cluster), 'utf8').split('\n')
  } catch {
    return []
  }
}
