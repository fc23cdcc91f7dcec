/** On what a run was made: machine, versions, and how busy it was. */
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import { connect } from '../../src/ledger/connect.ts'
import { wrkAvailable } from '../parts/load.ts'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly kernel: string
  /** By program; only those that are there. */
  readonly versions: Readonly<Record<string, string>>
  /** Of PostgreSQL, by name. */
  readonly settings: Readonly<Record<string, string>>
  /** The checkout's commit, where git knows it. */
  readonly commit?: string
}

export interface Load {
  /** After this family; `before` the first. */
  readonly when: string
  /** Processes that wanted a core, over the last minute. */
  readonly average: number
}

export async function describeMachine(serverUrl: string): Promise<Machine> {
  const sql = connect({ url: serverUrl, as: 'owner', max: 1 })
  const names = ['server_version', 'shared_buffers', 'fsync', 'synchronous_commit']
  const rows = await sql<{ name: string; value: string }[]>`
    select name, current_setting(name) as value from unnest(${names}::text[]) name`
  await sql.end()
  const { server_version: postgres = '', ...settings } = Object.fromEntries(
    rows.map(({ name, value }) => [name, value]),
  )
  const commit = said(['git', '-C', import.meta.dir, 'rev-parse', '--short', 'HEAD'], /^(\w+)$/)
  const versions = {
    Bun: Bun.version,
    PostgreSQL: /^[\d.]+/.exec(postgres)?.[0],
    Redis: said(['redis-server', '--version'], /v=([\d.]+)/),
    nginx: said(['nginx', '-v'], /nginx\/([\d.]+)/),
    'load by wrk': said(['wrk', '-v'], /^wrk \S*?([\d.]+)/),
    'load by': wrkAvailable() ? undefined : 'our own client',
  }
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: `${process.platform} ${/^[\d.]+/.exec(release())?.[0] ?? release()}`,
    versions: Object.fromEntries(
      Object.entries(versions).flatMap(([name, version]) => (version ? [[name, version]] : [])),
    ),
    settings,
    ...(commit !== undefined && { commit }),
  }
}

export function loadNow(when: string): Load {
  return { when, average: loadavg()[0] as number }
}

/** What a program says of itself, on either stream; undefined where it is not installed. */
function said(command: readonly string[], pattern: RegExp): string | undefined {
  if (!Bun.which(command[0] as string)) return undefined
  const { stdout, stderr } = Bun.spawnSync([...command])
  return pattern.exec(`${stdout}${stderr}`.trim())?.[1]
}
