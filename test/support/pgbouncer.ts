/** A real PgBouncer between a test and its PostgreSQL, where this machine has one. */
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/postgres/free-port.ts'
import { guardProcess } from './run.ts'
import { takesConnections } from './takes-connections.ts'
import { until } from './until.ts'

/** The user as whom PgBouncer runs when the tests run as root, which it refuses. */
const nobody = 65534

/** Where PgBouncer is; undefined: nowhere. With TOLLBOOK_REQUIRE_PGBOUNCER=1 that is an error. */
export const pgbouncer =
  Bun.which('pgbouncer', { PATH: `${process.env.PATH}:/usr/sbin` }) ?? undefined
if (!pgbouncer && process.env.TOLLBOOK_REQUIRE_PGBOUNCER === '1') {
  throw new Error('TOLLBOOK_REQUIRE_PGBOUNCER is set, and there is no pgbouncer')
}

/**
 * Starts one before the database of a URL.
 * @param settings of PgBouncer, beside those that it needs and in place of them
 */
export async function startPgbouncer(
  databaseUrl: string,
  settings: Readonly<Record<string, string>>,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const target = new URL(databaseUrl)
  const port = Number(settings.listen_port ?? (await freePort()))
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-pgbouncer-'))
  const all = {
    ...{ listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', auth_type: 'plain' },
    ...{ auth_file: join(folder, 'users.txt'), logfile: join(folder, 'log'), ...settings },
  }
  const file = join(folder, 'pgbouncer.ini')
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  const database = `* = host=${target.hostname} port=${target.port}`
  writeFileSync(file, `[databases]\n${database}\n[pgbouncer]\n${lines.join('\n')}\n`)
  writeFileSync(all.auth_file, `"${target.username}" "${target.password}"\n`)
  const asRoot = process.getuid?.() === 0
  if (asRoot) {
    chmodSync(folder, 0o755)
    for (const path of [folder, file, all.auth_file]) chownSync(path, nobody, nobody)
  }
  const server = Bun.spawn([pgbouncer ?? 'pgbouncer', '-q', file], {
    ...(asRoot && { uid: nobody, gid: nobody }),
    ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
  })
  const callOffGuard = guardProcess(server.pid, 'KILL', folder)
  await until(() => takesConnections(port))
  return {
    url: Object.assign(new URL(databaseUrl), { port: String(port) }).href,
    async stop() {
      server.kill('SIGKILL')
      await server.exited
      await callOffGuard()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
