/** PostgreSQL servers that archive into one pgBackRest repository with the files of deploy/, where this machine has Debian's packages. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/postgres/free-port.ts'
import { guardProcess } from './run.ts'
import { until } from './until.ts'

const programs = '/usr/lib/postgresql/15/bin'
const deploy = join(import.meta.dir, '../../deploy')

/** Whether pgBackRest and PostgreSQL 15 are installed. With TOLLBOOK_REQUIRE_PGBACKREST=1 it is an error that they are not. */
export const hasPgBackRest =
  Bun.which('pgbackrest') !== null && existsSync(join(programs, 'postgres'))
if (!hasPgBackRest && process.env.TOLLBOOK_REQUIRE_PGBACKREST === '1') {
  throw new Error(
    'TOLLBOOK_REQUIRE_PGBACKREST is set, and there is no pgbackrest, or no PostgreSQL 15',
  )
}

export interface ArchivedPostgres {
  readonly dataDir: string
  readonly port: number
  /** The database `app`, as its superuser. */
  readonly url: string
  /** `fast` ends it in order, `immediate` as if its machine were lost. */
  stop(mode: 'fast' | 'immediate'): Promise<void>
}

export interface Ran {
  readonly status: number
  /** What it said, on stdout and stderr. */
  readonly said: string
}

export interface Repository {
  /** Where everything stands. The server's user can write there. */
  readonly folder: string
  /** What pgBackRest reads beside its configuration, of deploy/. */
  readonly env: Readonly<Record<string, string>>
  /** Runs a program as the server's user. */
  run(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>
  /** Runs pgBackRest for a server, or where one is to be restored. @throws with what it said */
  pgbackrest(dataDir: string, ...args: readonly string[]): Promise<string>
  /** Makes a new server with an empty database `app`, whose log is archived. */
  makeServer(name: string): Promise<ArchivedPostgres>
  /**
   * Starts the server in a folder, on a port of its own unless one is given, and waits until it has replayed what it is to replay.
   * @throws with its log
   */
  start(
    dataDir: string,
    port?: number,
    settings?: Readonly<Record<string, string>>,
  ): Promise<ArchivedPostgres>
  /** Restores the newest backup into a new folder. @param args of `pgbackrest restore` @returns the folder */
  restore(name: string, ...args: readonly string[]): Promise<string>
  close(): Promise<void>
}

export function openRepository(): Repository {
  // Short, for a socket's path has 107 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-wal-'))
  chmodSync(folder, 0o755)
  const user = serverUser()
  const own = (path: string) => user.uid !== undefined && chownSync(path, user.uid, user.gid)
  own(folder)
  for (const name of ['pgbackrest.conf', 'postgresql-archive.conf']) {
    copyFileSync(join(deploy, name), join(folder, name))
    chmodSync(join(folder, name), 0o644)
  }
  for (const name of ['repository', 'spool', 'log', 'lock', 'socket', 'scratch']) {
    mkdirSync(join(folder, name), { mode: 0o700 })
    own(join(folder, name))
  }
  const env = {
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    ...{ LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    PGBACKREST_CONFIG: join(folder, 'pgbackrest.conf'),
    PGBACKREST_REPO1_PATH: join(folder, 'repository'),
    PGBACKREST_REPO1_CIPHER_PASS: 'a passphrase for tests',
    PGBACKREST_SPOOL_PATH: join(folder, 'spool'),
    PGBACKREST_LOG_PATH: join(folder, 'log'),
    PGBACKREST_LOCK_PATH: join(folder, 'lock'),
    PGBACKREST_PG1_SOCKET_PATH: join(folder, 'socket'),
    PGBACKREST_PG1_USER: 'postgres',
  }
  const running = new Map<string, ArchivedPostgres>()

  async function run(
    words: readonly string[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<Ran> {
    const child = Bun.spawn([...words], {
      ...user,
      ...{ cwd: folder, env: { ...env, ...more } },
      ...{ stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    })
    const read = (stream: ReadableStream) => new Response(stream).text()
    const [out, err] = await Promise.all([read(child.stdout), read(child.stderr)])
    return { status: await child.exited, said: out + err }
  }

  async function succeed(
    words: readonly string[],
    more?: Readonly<Record<string, string>>,
  ): Promise<string> {
    const { status, said } = await run(words, more)
    if (status !== 0) throw new Error(`${words.join(' ')}: ${said}`)
    return said
  }

  function envOf(dataDir: string, port?: number): Record<string, string> {
    return { PGBACKREST_PG1_PATH: dataDir, ...(port && { PGBACKREST_PG1_PORT: String(port) }) }
  }

  const repository: Repository = {
    ...{ folder, env, run },
    pgbackrest: (dataDir, ...args) =>
      succeed(
        ['pgbackrest', '--stanza=tollbook', ...args],
        envOf(dataDir, running.get(dataDir)?.port),
      ),

    async makeServer(name) {
      const dataDir = join(folder, name)
      const access = ['--username=postgres', '--auth=trust']
      await succeed([
        join(programs, 'initdb'),
        '-D',
        dataDir,
        ...access,
        '--encoding=UTF8',
        '--locale=C',
        '--no-sync',
      ])
      appendFileSync(
        join(dataDir, 'postgresql.conf'),
        `include '${join(folder, 'postgresql-archive.conf')}'\n`,
      )
      const server = await repository.start(dataDir)
      await succeed([
        ...[join(programs, 'createdb'), '--username=postgres', '--host=127.0.0.1'],
        ...[`--port=${server.port}`, 'app'],
      ])
      return server
    },

    async start(dataDir, port, settings = {}) {
      port ??= await freePort()
      const log = `${dataDir}.log`
      const all = {
        ...{ listen_addresses: '127.0.0.1', port, unix_socket_directories: join(folder, 'socket') },
        ...{ max_connections: 200, fsync: 'off', ...settings },
      }
      const options = Object.entries(all).map(([setting, value]) => `-c ${setting}=${value}`)
      const control = [join(programs, 'pg_ctl'), '-D', dataDir, '-w', '-t', '600']
      const started = await run(
        [...control, '-l', log, '-o', options.join(' '), 'start'],
        envOf(dataDir, port),
      )
      const access = [
        '--username=postgres',
        '--host=127.0.0.1',
        `--port=${port}`,
        '--dbname=postgres',
      ]
      const recovering = 'select pg_is_in_recovery()'
      const ask = [
        join(programs, 'psql'),
        ...access,
        '--no-align',
        '--tuples-only',
        '-c',
        recovering,
      ]
      await until(async () => {
        const alive = started.status === 0 && (await run([...control, 'status'])).status === 0
        if (!alive) throw new Error(`${started.said}\n${readFileSync(log, 'utf8')}`)
        return (await run(ask)).said.trim() === 'f'
      }, 600_000)
      const pid = Number.parseInt(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'), 10)
      const callOffGuard = guardProcess(pid, 'INT')
      const server: ArchivedPostgres = {
        ...{ dataDir, port, url: `postgres://postgres@127.0.0.1:${port}/app` },
        async stop(mode) {
          running.delete(dataDir)
          await succeed([...control, '-m', mode, 'stop'])
          await callOffGuard()
        },
      }
      running.set(dataDir, server)
      return server
    },

    async restore(name, ...args) {
      const dataDir = join(folder, name)
      mkdirSync(dataDir, { mode: 0o700 })
      own(dataDir)
      await repository.pgbackrest(dataDir, '--log-level-console=warn', ...args, 'restore')
      return dataDir
    },

    async close() {
      for (const server of [...running.values()]) await server.stop('immediate')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return repository
}

/** PostgreSQL refuses to run as root; Debian's has a user of its own. */
function serverUser(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {}
  const idOf = (option: string) =>
    Number(Bun.spawnSync(['id', option, 'postgres']).stdout.toString())
  return { uid: idOf('-u'), gid: idOf('-g') }
}
