/** A PostgreSQL server under Patroni: a machine of its own as far as its network and its processes go. */
import { chownSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { signal } from '../faults/servers.ts'
import { until } from '../support/until.ts'
import { processesOn, type ServerName, setCable } from './network.ts'

export interface DatabaseServer {
  readonly name: ServerName
  /** Starts Patroni, which starts PostgreSQL. */
  start(): void
  /** kill -9 of all its processes. */
  kill(): Promise<void>
  /** kill -9 of PostgreSQL's first process; its children follow, and Patroni stays. */
  killPostmaster(): void
  /** SIGSTOP and SIGCONT of all its processes. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Hands over to the standby that is best prepared; resolves when that leads. */
  switchOver(): Promise<void>
  /** Pulls its cable, and puts it back. */
  cutOff(): Promise<unknown>
  reconnect(): Promise<unknown>
  /** The status of Patroni's reply, such as 200 for `/primary` on the leader; undefined: none. */
  ask(path: string): Promise<number | undefined>
}

interface ServerSettings {
  readonly name: ServerName
  /** Patroni's file. */
  readonly config: string
  readonly folder: string
  readonly password: string
}

/** As the user who may, and with a folder of its own for the socket, which is at the same place on each machine. */
const asPostgres = `mount -t tmpfs -o mode=1777 tmpfs /run/postgresql
exec setpriv --reuid=postgres --regid=postgres --init-groups patroni "$0"`

export function openServer({ name, config, folder, password }: ServerSettings): DatabaseServer {
  const home = join(folder, name)
  const data = join(home, 'data')
  mkdirSync(home)
  chownSync(home, userId('-u'), userId('-g'))
  const log = openSync(join(folder, `${name}.log`), 'a')
  const env = {
    PATH: '/usr/sbin:/usr/bin:/bin',
    LC_ALL: 'C.UTF-8',
    PATRONI_NAME: name,
    PATRONI_POSTGRESQL_CONNECT_ADDRESS: `${name}:5432`,
    PATRONI_RESTAPI_CONNECT_ADDRESS: `${name}:8008`,
    PATRONI_POSTGRESQL_DATA_DIR: data,
    PATRONI_POSTGRESQL_PGPASS: join(home, 'pgpass'),
    PATRONI_SUPERUSER_PASSWORD: password,
    PATRONI_REPLICATION_PASSWORD: password,
    PATRONI_REWIND_PASSWORD: password,
  }

  async function signalAll(by: NodeJS.Signals): Promise<number[]> {
    const pids = await processesOn(name)
    for (const pid of pids) signal(pid, by)
    return pids
  }

  return {
    name,
    start() {
      const child = Bun.spawn(['ip', 'netns', 'exec', name, 'sh', '-c', asPostgres, config], {
        ...{ cwd: home, env, stdin: 'ignore', stdout: log, stderr: log },
      })
      child.unref()
    },
    kill: () => until(async () => (await signalAll('SIGKILL')).length === 0, 30_000, 20),
    killPostmaster: () => signal(postmasterIn(data), 'SIGKILL'),
    async freeze() {
      // A process can have begun another one meanwhile.
      const frozen = new Set<number>()
      await until(async () => {
        const before = frozen.size
        for (const pid of await signalAll('SIGSTOP')) frozen.add(pid)
        return frozen.size === before
      }, 30_000)
    },
    async thaw() {
      await signalAll('SIGCONT')
    },
    async switchOver() {
      const body = JSON.stringify({ leader: name })
      const reply = await fetch(`http://${name}:8008/switchover`, { method: 'POST', body })
      if (reply.status !== 200) throw new Error(`switchover: ${await reply.text()}`)
    },
    cutOff: () => setCable(name, 'down'),
    reconnect: () => setCable(name, 'up'),
    async ask(path) {
      try {
        const signal = AbortSignal.timeout(1_000)
        return (await fetch(`http://${name}:8008${path}`, { signal })).status
      } catch {
        return undefined
      }
    },
  }
}

function postmasterIn(data: string): number {
  return Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10)
}

/** Of the user as whom Debian runs PostgreSQL, which refuses to run as root. */
function userId(which: '-u' | '-g'): number {
  return Number(Bun.spawnSync(['id', which, 'postgres']).stdout.toString())
}
