/** A real HAProxy with one of the files of deploy/, where this machine has one. */
import { join } from 'node:path'
import { freePort } from '../../src/postgres/free-port.ts'
import { guardProcess } from './run.ts'
import { takesConnections } from './takes-connections.ts'
import { until } from './until.ts'

/** Where it is; undefined: nowhere. With TOLLBOOK_REQUIRE_HAPROXY=1 that is an error. */
export const haproxy = Bun.which('haproxy', { PATH: `${process.env.PATH}:/usr/sbin` }) ?? undefined
if (!haproxy && process.env.TOLLBOOK_REQUIRE_HAPROXY === '1') {
  throw new Error('TOLLBOOK_REQUIRE_HAPROXY is set, and there is no haproxy')
}

/** @param env what the file names, but for LISTEN */
export async function startHaproxy(
  file: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const port = await freePort()
  const server = Bun.spawn([haproxy ?? 'haproxy', '-f', join(import.meta.dir, '../..', file)], {
    env: { ...env, LISTEN: `127.0.0.1:${port}` },
    ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
  })
  const callOffGuard = guardProcess(server.pid, 'KILL')
  await until(() => takesConnections(port))
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.kill('SIGKILL')
      await server.exited
      await callOffGuard()
    },
  }
}
