/**
 * Gateways in processes of their own, each with a line of its own to PostgreSQL. Two are asked, and where one
 * will die, a third stands by to replace it at once.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Edit } from './edits.ts'
import { type Line, openLine } from './line.ts'
import { signal } from './servers.ts'
import { config } from './settings.ts'

export interface FaultGateway {
  readonly name: string
  readonly url: string
  readonly pid: number
  readonly line: Line
  readonly isKilled: boolean
  /** Where it keeps how far it has seen the log, for the gateway that follows it. */
  readonly markFile: string
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>
  /** SIGTERM; resolves with its exit status when it is gone. */
  terminate(): Promise<number>
  freeze(): void
  thaw(): void
  /** Moves its clock: an hour forward, an hour back, right again. */
  moveClock(): void
  /** Memory in use, in bytes. */
  readonly residentBytes: number
}

export interface Fleet {
  /** Those that clients ask. */
  readonly active: readonly FaultGateway[]
  /** Every gateway there was, by name. */
  readonly named: ReadonlyMap<string, FaultGateway>
  /** Replaces a gateway by the one that stands by, and starts the next one. */
  replace(gateway: FaultGateway): Promise<FaultGateway>
  /** The one that stands by is asked too, from now on. */
  widen(): Promise<void>
  /** Two are asked again. */
  narrow(): Promise<void>
  /** Resolves when one stands by; starts it when none does. */
  ready(): Promise<void>
  /**
   * Ends every gateway in this way, and when `work` is done starts those anew that are asked: on the marks that they kept, or as
   * if they had seen nothing yet.
   */
  restart(
    end: 'kill' | 'terminate',
    work: () => Promise<void>,
    options: { readonly keepsMarks: boolean },
  ): Promise<void>
  stop(): Promise<void>
}

export interface FleetSettings {
  /** As the gateways log in. */
  readonly databaseUrl: string
  readonly redisUrl: string
  readonly upstreamUrl: string
  readonly edits: readonly Edit[]
}

export async function startFleet(settings: FleetSettings): Promise<Fleet> {
  const named = new Map<string, FaultGateway>()
  const folder = mkdtempSync(join(tmpdir(), 'tollbook-faults-marks-'))
  let started = 0
  const start = async (marks?: string) => {
    const name = `g${started++}`
    const markFile = marks ?? join(folder, `${name}.json`)
    const gateway = await startGateway(name, markFile, settings)
    named.set(gateway.name, gateway)
    return gateway
  }
  let active: readonly FaultGateway[] = await Promise.all([start(), start()])
  let third: Promise<FaultGateway> | undefined

  function standBy(): Promise<FaultGateway> {
    third ??= start()
    // Whoever waits for it sees the error, and perhaps nobody does.
    third.catch(() => {})
    return third
  }

  return {
    get active() {
      return active
    },
    named,
    async replace(gateway) {
      const next = await standBy()
      active = active.map((one) => (one === gateway ? next : one))
      third = undefined
      standBy()
      return next
    },
    async widen() {
      active = [...active, await standBy()]
    },
    async narrow() {
      active = active.slice(0, 2)
    },
    async ready() {
      await standBy()
    },
    async restart(end, work, { keepsMarks }) {
      const before = active
      const all = [...before, await third?.catch(() => undefined)]
      third = undefined
      await Promise.all(all.map((gateway) => gateway?.[end]()))
      await work()
      const anew = before.map(({ markFile }) => start(keepsMarks ? markFile : undefined))
      active = await Promise.all(anew)
    },
    async stop() {
      const all = new Set([...active, await third?.catch(() => undefined)])
      await Promise.all([...all].map((gateway) => gateway?.terminate()))
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function startGateway(
  name: string,
  markFile: string,
  settings: FleetSettings,
): Promise<FaultGateway> {
  const database = new URL(settings.databaseUrl)
  const line = await openLine({ host: database.hostname, port: Number(database.port) })
  database.port = String(line.port)
  const gateway = {
    databaseUrl: database.href,
    redisUrl: settings.redisUrl,
    upstream: settings.upstreamUrl,
    highWaterMarkFile: markFile,
    config,
  }
  const program = join(import.meta.dir, '../support/running-gateway.ts')
  const planted = join(import.meta.dir, 'planted.ts')
  const child = Bun.spawn(
    [process.execPath, '--preload', planted, program, JSON.stringify(gateway)],
    {
      env: { ...process.env, TOLLBOOK_FAULTS_EDITS: JSON.stringify(settings.edits) },
      // It ends when this closes, as it does when this process ends.
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'inherit',
    },
  )
  const url = await firstLine(child.stdout)

  let isKilled = false
  async function end(by: NodeJS.Signals): Promise<number> {
    isKilled ||= by === 'SIGKILL'
    signal(child.pid, 'SIGCONT')
    child.kill(by)
    await child.exited
    await line.close()
    return child.exitCode ?? -1
  }
  return {
    ...{ name, url, line, markFile, pid: child.pid },
    get isKilled() {
      return isKilled
    },
    kill: () => end('SIGKILL').then(() => {}),
    terminate: () => end('SIGTERM'),
    freeze: () => signal(child.pid, 'SIGSTOP'),
    thaw: () => signal(child.pid, 'SIGCONT'),
    moveClock: () => signal(child.pid, 'SIGUSR2'),
    get residentBytes() {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1_024
    },
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(chunk)
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  throw new Error('a gateway ended before it served')
}
