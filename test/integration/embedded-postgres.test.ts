import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { bundledPostgres } from '../../src/postgres/bundled.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { runsOn } from '../../src/postgres/postmaster.ts'
import { guardProcess } from '../support/run.ts'

const starterFile = join(import.meta.dir, '../support/postgres-starter.ts')
const asRoot = process.getuid?.() === 0
const folder = mkdtempSync(join(tmpdir(), 'tollbook embedded '))
if (asRoot) Bun.spawnSync(['chmod', '711', folder])
const dataDir = join(folder, 'data')

const endings: (() => Promise<void>)[] = []

async function start(at = dataDir): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: at })
  endings.push(server.stop, guardProcess(server.pid, 'INT'))
  return server
}

/** Starts the server from another process, and returns that process too. */
async function startElsewhere(at = dataDir, detached = false) {
  const starter = Bun.spawn([process.execPath, starterFile, at], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
    detached,
  })
  const { value } = await starter.stdout.getReader().read()
  const server: { pid: number; url: string; reused: boolean } = JSON.parse(
    new TextDecoder().decode(value),
  )
  return { starter, server }
}

async function query(url: string, text: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return [...(await sql.unsafe(text))]
  } finally {
    await sql.end()
  }
}

const isRunning = (pid: number) => runsOn(join(realpathSync(dataDir), 'cluster'), pid)

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(10)
}

beforeAll(async () => {
  const server = await start()
  await query(server.url, 'create table kept (n int)')
  await server.stop()
})

afterAll(async () => {
  for (const end of endings) await end()
  rmSync(folder, { recursive: true, force: true })
})

describe('one start after another', () => {
  test('data, password and port survive a stop', async () => {
    const first = await start()
    await query(first.url, 'insert into kept values (1)')
    await first.stop()
    expect(isRunning(first.pid)).toBe(false)

    const second = await start()
    expect(second.reused).toBe(false)
    expect(second.url).toBe(first.url)
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 1 }])
    await second.stop()
  })

  test('a port that is taken meanwhile is replaced by a free one', async () => {
    const first = await start()
    await first.stop()
    const occupier = createServer()
    await new Promise<void>((resolve) => occupier.listen(first.port, '127.0.0.1', resolve))
    const second = await start()
    expect(second.port).not.toBe(first.port)
    expect(await query(second.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await second.stop()
    await new Promise((resolve) => occupier.close(resolve))
  })

  test('stopping twice, and stopping a reused server, is fine', async () => {
    const first = await start()
    const second = await start()
    expect(second.reused).toBe(true)
    await second.stop()
    expect(isRunning(first.pid)).toBe(false)
    await first.stop()
  })
})

describe('what the server is', () => {
  test('it waits for the disk, and listens on loopback and nowhere else', async () => {
    const { url, stop } = await start()
    const [settings] = await query(
      url,
      `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
              current_setting('listen_addresses') as addresses,
              current_setting('unix_socket_directories') as sockets,
              current_setting('server_encoding') as encoding,
              current_setting('data_checksums') as checksums`,
    )
    expect(settings).toEqual({
      fsync: 'on',
      commit: 'on',
      addresses: '127.0.0.1',
      sockets: '',
      encoding: 'UTF8',
      checksums: 'on',
    })
    await stop()
  })

  test('it refuses a wrong password, and the right one is readable by one user only', async () => {
    const { url, stop } = await start()
    const wrong = new URL(url)
    wrong.password = 'guessed'
    await expect(query(wrong.href, 'select 1')).rejects.toThrow('password authentication failed')
    expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600)
    await stop()
  })
})

describe('a starter that is gone', () => {
  test('the server outlives kill -9 of its starter and is used again', async () => {
    const { starter, server } = await startElsewhere()
    await query(server.url, 'insert into kept values (2)')
    starter.kill('SIGKILL')
    await starter.exited

    const again = await start()
    expect(again.reused).toBe(true)
    expect(again.pid).toBe(server.pid)
    expect(await query(again.url, 'select n from kept where n = 2')).toEqual([{ n: 2 }])
    await again.stop()
    expect(isRunning(server.pid)).toBe(false)
  })

  test("a terminal's Ctrl-C ends the starter, not the server", async () => {
    const { starter, server } = await startElsewhere(dataDir, true)
    process.kill(-starter.pid, 'SIGINT')
    await starter.exited
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    const again = await start()
    expect(again.pid).toBe(server.pid)
    await again.stop()
  })

  test('a starter killed while it creates the database leaves nothing in the way', async () => {
    const at = join(folder, 'half made')
    const starter = Bun.spawn([process.execPath, starterFile, at], { stdin: 'pipe' })
    await until(
      () => existsSync(at) && [...new Bun.Glob('cluster.new-*/*').scanSync(at)].length > 0,
    )
    starter.kill('SIGKILL')
    await starter.exited
    expect(existsSync(join(at, 'cluster'))).toBe(false)

    const server = await start(at)
    expect(await query(server.url, 'select 1 as one')).toEqual([{ one: 1 }])
    await server.stop()
  })
})

test('of several starters at once on an empty folder one starts, and all get the same server', async () => {
  const at = join(folder, 'contended')
  const outcomes = await Promise.all([
    startElsewhere(at),
    startElsewhere(at),
    startElsewhere(at),
    start(at),
    start(at),
  ])
  const servers = outcomes.map((outcome) => ('server' in outcome ? outcome.server : outcome))
  expect(new Set(servers.map(({ pid, url }) => `${pid} ${url}`)).size).toBe(1)
  expect(servers.filter(({ reused }) => !reused)).toHaveLength(1)
  for (const outcome of outcomes) if ('starter' in outcome) outcome.starter.kill('SIGKILL')
  await outcomes[3].stop()
})

describe('a pid file left behind', () => {
  test('after kill -9 of PostgreSQL itself what was committed is there', async () => {
    const first = await start()
    await query(first.url, 'insert into kept values (3)')
    process.kill(first.pid, 'SIGKILL')
    await until(() => !isRunning(first.pid))
    expect(readFileSync(join(dataDir, 'cluster/postmaster.pid'), 'utf8')).toStartWith(
      `${first.pid}`,
    )

    const second = await start()
    expect(second.reused).toBe(false)
    expect(await query(second.url, 'select n from kept where n = 3')).toEqual([{ n: 3 }])
    await second.stop()
  })

  test('a child that outlives its killed postmaster for a moment is waited for', async () => {
    const first = await start()
    const sql = postgres(first.url, { max: 1, onnotice: () => {}, onclose() {} })
    const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
    process.kill(pid, 'SIGSTOP')
    process.kill(first.pid, 'SIGKILL')
    await until(() => !isRunning(first.pid))

    const starting = start()
    await until(() => readFileSync(join(dataDir, 'log'), 'utf8').includes('shared memory block'))
    process.kill(pid, 'SIGCONT')
    const second = await starting
    expect(await query(second.url, 'select n from kept where n = 3')).toEqual([{ n: 3 }])
    await sql.end({ timeout: 1 })
    await second.stop()
  })

  test('a pid that now belongs to another process does not stop the start', async () => {
    const first = await start()
    const pidFile = join(dataDir, 'cluster/postmaster.pid')
    process.kill(first.pid, 'SIGKILL')
    await until(() => !isRunning(first.pid))
    const { uid, gid } = statSync(pidFile)
    const stranger = Bun.spawn(['sleep', '60'], { uid, gid, cwd: '/' })
    const [, ...rest] = readFileSync(pidFile, 'utf8').split('\n')
    writeFileSync(pidFile, [stranger.pid, ...rest].join('\n'))

    const second = await start()
    expect(second.reused).toBe(false)
    await second.stop()
    expect(stranger.exitCode).toBeNull()
    stranger.kill()
  })
})

describe('errors say what to do', () => {
  test('no package for this platform', () => {
    expect(() => bundledPostgres('sunos-sparc')).toThrow('Set DATABASE_URL')
  })

  test('a database of another major version', async () => {
    const versionFile = join(dataDir, 'cluster/PG_VERSION')
    const version = readFileSync(versionFile, 'utf8')
    writeFileSync(versionFile, '17\n')
    try {
      await expect(start()).rejects.toThrow(
        'was made by PostgreSQL 17, and this Tollbook brings PostgreSQL',
      )
    } finally {
      writeFileSync(versionFile, version)
    }
  })

  test('a lost password', async () => {
    const file = join(dataDir, 'password')
    renameSync(file, `${file}.away`)
    const error = await start().catch((caught) => caught)
    renameSync(`${file}.away`, file)
    expect(error.message).toContain(`The file ${realpathSync(file)}`)
    expect(error.message).toContain('is missing. Put it back')
  })

  test('a setting that PostgreSQL does not know: what it said itself', async () => {
    const error = await startEmbeddedPostgres({
      dataDir,
      settings: { no_such_setting: '1' },
    }).catch((caught) => caught)
    expect(error.message).toContain('did not start. It said:')
    expect(error.message).toContain('no_such_setting')
  })
})

describe.if(asRoot)('started by root, below a folder that is closed to others', () => {
  const closed = join(folder, 'closed')
  const hidden = join(closed, 'data')
  beforeAll(() => mkdirSync(closed, { mode: 0o700 }))

  test('the data goes to /var/lib/tollbook, and a link leads there', async () => {
    const server = await start(hidden)
    expect(lstatSync(hidden).isSymbolicLink()).toBe(true)
    const target = realpathSync(hidden)
    expect(target).toStartWith('/var/lib/tollbook/')
    await server.stop()
    const again = await start(hidden)
    expect(again.url).toBe(server.url)
    await again.stop()

    rmSync(target, { recursive: true })
    await expect(start(hidden)).rejects.toThrow(`leads to ${target}, where the data was`)
  })

  test('a folder that is already there is refused, not moved', async () => {
    const existing = join(closed, 'existing')
    mkdirSync(existing)
    await expect(start(existing)).rejects.toThrow(`Pass --data with a folder outside ${closed}`)
  })
})
