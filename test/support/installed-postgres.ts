/** A PostgreSQL that is installed on this machine: how the tests run on another version than the embedded one. */
import { chownSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../src/postgres/free-port.ts'
import { serverFolder } from '../../src/postgres/server-folder.ts'

export interface InstalledPostgres {
  /** A superuser's. */
  readonly url: string
  /** Of its first process. */
  readonly pid: number
  stop(): Promise<void>
}

const settings = {
  ...{ listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '200' },
  fsync: 'off',
}

/**
 * Makes a cluster in `dataDir` with the programs in `bin`, and starts it. It runs as `nobody` where this process is root's,
 * because PostgreSQL refuses that.
 *
 * @throws with what PostgreSQL said
 */
export async function startInstalledPostgres(
  bin: string,
  dataDir: string,
): Promise<InstalledPostgres> {
  const { path: folder, user } = serverFolder(dataDir)
  const cluster = join(folder, 'cluster')
  const log = join(folder, 'log')
  const password = crypto.randomUUID()
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (user.uid !== undefined) {
    for (const path of [folder, passwordFile]) chownSync(path, user.uid, user.gid)
  }

  async function run(program: string, ...args: readonly string[]): Promise<void> {
    const child = Bun.spawn([join(bin, program), '-D', cluster, ...args], {
      ...user,
      ...{ cwd: folder, env: { LC_ALL: 'C', TZ: 'UTC' } },
      ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' },
    })
    const said = await new Response(child.stderr).text()
    if ((await child.exited) !== 0) throw new Error(`${program}: ${said}`)
  }

  const access = ['--username=postgres', `--pwfile=${passwordFile}`, '--auth=scram-sha-256']
  await run('initdb', ...access, '--encoding=UTF8', '--locale=C', '--no-sync')
  const port = await freePort()
  const options = Object.entries({ ...settings, port }).map(
    ([name, value]) => `-c ${name}=${value}`,
  )
  await run('pg_ctl', '-w', '-l', log, '-o', options.join(' '), 'start')
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    pid: Number.parseInt(readFileSync(join(cluster, 'postmaster.pid'), 'utf8'), 10),
    stop: () => run('pg_ctl', '-w', '-m', 'immediate', 'stop'),
  }
}
