/** A PostgreSQL and a copy of it that is in recovery, as a primary and its standby are. Both have one password. */
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { freePort } from '../../src/postgres/free-port.ts'
import { guardProcess } from './run.ts'
import { until } from './until.ts'

export interface ServerPair {
  /** `user:password`, of the superuser of both. */
  readonly login: string
  readonly primaryPort: number
  readonly standbyPort: number
  /** Where the primary has its Unix-domain socket. */
  readonly socketFolder: string
  stop(): Promise<void>
}

/** The user as whom PostgreSQL runs when the tests run as root. */
const nobody = 65534

/**
 * @param prepare makes files that the primary's settings name, in a folder that its user can read
 * @param standbyName under which the standby follows the primary; without one it does not
 */
export async function startServerPair(
  prepare: (folder: string) => Promise<Record<string, string>>,
  standbyName?: string,
): Promise<ServerPair> {
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-pair-'))
  // Otherwise the server's user could not enter, and the data would go elsewhere.
  chmodSync(folder, 0o755)
  const [first, second] = [join(folder, 'primary'), join(folder, 'standby')]
  await (await startEmbeddedPostgres({ dataDir: first })).stop()
  cpSync(first, second, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
  writeFileSync(join(second, 'cluster', 'standby.signal'), '')
  const settings = await prepare(first)
  giveToServer(folder)
  const primary = await startEmbeddedPostgres({
    dataDir: first,
    settings: { unix_socket_directories: first, listen_addresses: '127.0.0.1, ::1', ...settings },
  })
  const callOffGuard = guardProcess(primary.pid, 'INT', folder)
  const standbyPort = await freePort()
  const { username, password } = new URL(primary.url)
  const follow = `host=127.0.0.1 port=${primary.port} user=${username} password=${password} application_name=${standbyName}`
  const standby = spawnStandby(second, standbyPort, standbyName === undefined ? '' : follow)
  const callOffStandbyGuard = guardProcess(standby.pid, 'INT', folder)
  const login = `${username}:${password}`
  await until(
    () => takesConnections(`postgres://${login}@127.0.0.1:${standbyPort}/postgres`),
    30_000,
  )
  return {
    ...{ login, primaryPort: primary.port, standbyPort, socketFolder: first },
    async stop() {
      standby.kill('SIGINT')
      await Promise.all([standby.exited, primary.stop()])
      await Promise.all([callOffGuard(), callOffStandbyGuard()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function spawnStandby(folder: string, port: number, primary: string) {
  const program = readdirSync(folder).find((name) => name.startsWith('program-')) ?? ''
  // A standby refuses to start with fewer connections than its primary had.
  const settings = [
    'max_connections=200',
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'hot_standby=on',
    `primary_conninfo=${primary}`,
  ]
  return Bun.spawn(
    [
      join(folder, program, 'bin/postgres'),
      ...['-D', join(folder, 'cluster')],
      ...settings.flatMap((setting) => ['-c', setting]),
    ],
    {
      ...(process.getuid?.() === 0 && { uid: nobody, gid: nobody }),
      ...{ cwd: folder, stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
    },
  )
}

function giveToServer(folder: string): void {
  if (process.getuid?.() !== 0) return
  chownSync(folder, nobody, nobody)
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(folder, name), nobody, nobody)
  }
}

async function takesConnections(url: string): Promise<boolean> {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => {} })
  try {
    await sql`select 1`
    return true
  } catch {
    return false
  } finally {
    await sql.end({ timeout: 1 })
  }
}
