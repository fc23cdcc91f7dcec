/** A real Prometheus that scrapes a gateway, where this machine has one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/postgres/free-port.ts'
import { guardProcess } from './run.ts'
import { until } from './until.ts'

/** Where it is; undefined: nowhere. With TOLLBOOK_REQUIRE_PROMETHEUS=1 that is an error. */
export const prometheus = Bun.which('prometheus') ?? undefined
if (!prometheus && process.env.TOLLBOOK_REQUIRE_PROMETHEUS === '1') {
  throw new Error('TOLLBOOK_REQUIRE_PROMETHEUS is set, and there is no prometheus')
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

/** @param target what it scrapes each second, as host:port */
export async function startPrometheus(target: string) {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-prometheus-'))
  const config = {
    global: { scrape_interval: '1s' },
    scrape_configs: [{ job_name: 'tollbook', static_configs: [{ targets: [target] }] }],
  }
  // YAML has JSON in it.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config))
  const flags = {
    'config.file': join(folder, 'prometheus.yml'),
    'storage.tsdb.path': join(folder, 'data'),
    'web.listen-address': `127.0.0.1:${port}`,
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  const server = Bun.spawn([prometheus ?? 'prometheus', ...args], {
    ...{ stdin: 'ignore', stdout: 'ignore', stderr: 'ignore' },
  })
  const callOffGuard = guardProcess(server.pid, 'KILL', folder)
  const url = `http://127.0.0.1:${port}`
  await until(async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok ?? false)
  return {
    /** What an expression is now. @throws Error with what Prometheus says of one that is none */
    async query(expr: string): Promise<Series[]> {
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`)
      const reply = (await response.json()) as {
        status: string
        error?: string
        data: { result: Series[] }
      }
      if (reply.status !== 'success') throw new Error(`${expr}: ${reply.error}`)
      return reply.data.result
    },
    async stop() {
      server.kill('SIGKILL')
      await server.exited
      await callOffGuard()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
