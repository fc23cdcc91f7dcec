// A real PostgreSQL for the tests: the one of DATABASE_URL, or one that is started here and shared by all files of a run. That
// is the embedded one, or, with TOLLBOOK_TEST_POSTGRES=/usr/lib/postgresql/15/bin, the one whose programs are there.
// Each test makes a database of its own on it and drops it again.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { startInstalledPostgres } from './installed-postgres.ts'
import { atEndOfRun, guardProcess, runId } from './run.ts'

export type TestDatabase = {
  /** The database's URL, with the server's superuser. */
  url: string
  /** Drops the database; throws when a connection to it was left open. Dropping twice does nothing. */
  drop(): Promise<void>
}

/**
 * Nothing on the shared server outlives the run, so it need not wait for the disk. A test that kills
 * PostgreSQL starts one of its own with `startEmbeddedPostgres`, which does wait.
 */
const settingsForSpeed = { fsync: 'off', full_page_writes: 'off' }

const starterFile = join(import.meta.dir, 'postgres-starter.ts')

/** Locks the filling of templates on a server that several runs share. */
const templateLock = 0x746f6c6c
const objectInUse = '55006'

let server: Promise<string> | undefined
let admin: postgres.Sql | undefined
const templates = new Map<string, Promise<string>>()
const existing = new Set<string>()
let databases = 0

/** A superuser's URL of the server that the tests of this run share; starts it when first asked. */
export function testServerUrl(): Promise<string> {
  server ??= process.env.DATABASE_URL ? useServer(process.env.DATABASE_URL) : startServer()
  return server
}

/** Makes a database with a name of its own: empty, or a copy of `template`. */
export async function createDatabase(options: { template?: string } = {}): Promise<TestDatabase> {
  const name = `tollbook_test_${runId}_${++databases}`
  await create(name, options.template)
  return { url: await urlOf(name), drop: () => drop(name) }
}

/**
 * The name of a database that `fill` has prepared, to be given to `createDatabase` as its template. `fill`
 * runs once per run, must close its connections, and never runs at the same time as another one on that
 * server: it may create roles, which all databases share.
 */
export function templateDatabase(
  name: string,
  fill: (url: string) => Promise<void>,
): Promise<string> {
  const known = templates.get(name) ?? makeTemplate(`tollbook_test_${runId}_template_${name}`, fill)
  templates.set(name, known)
  return known
}

async function makeTemplate(name: string, fill: (url: string) => Promise<void>): Promise<string> {
  const connection = await (await adminClient()).reserve()
  try {
    await connection`select pg_advisory_lock(${templateLock})`
    await create(name)
    await fill(await urlOf(name))
    return name
  } finally {
    await connection`select pg_advisory_unlock(${templateLock})`
    connection.release()
  }
}

// template0, because nobody can be connected to it: PostgreSQL copies only databases that nobody uses.
async function create(name: string, template = 'template0'): Promise<void> {
  const sql = await adminClient()
  await sql`create database ${sql(name)} template ${sql(template)}`
  existing.add(name)
}

async function drop(name: string): Promise<void> {
  if (!existing.delete(name)) return
  const sql = await adminClient()
  try {
    // PostgreSQL waits five seconds for connections that are just closing.
    await sql`drop database ${sql(name)}`
  } catch (error) {
    if (!(error instanceof postgres.PostgresError && error.code === objectInUse)) throw error
    const left = await sql`
      select application_name || ', ' || state || ': ' || left(query, 200) as what
      from pg_stat_activity where datname = ${name}`
    await sql`drop database if exists ${sql(name)} with (force)`
    const list = left.map(({ what }) => `\n  ${what}`).join('')
    throw new Error(`A test left connections to its database open:${list}`)
  }
}

async function urlOf(database: string): Promise<string> {
  const url = new URL(await testServerUrl())
  url.pathname = `/${database}`
  return url.href
}

async function adminClient(): Promise<postgres.Sql> {
  const url = await testServerUrl()
  admin ??= postgres(url, { max: 4, onnotice: () => {} })
  return admin
}

async function startServer(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tollbook-test-'))
  const { TOLLBOOK_TEST_POSTGRES: bin } = process.env
  const server = await (bin ? startInstalledPostgres(bin, dataDir) : startEmbedded(dataDir))
  const callOffGuard = guardProcess(server.pid, 'INT', dataDir)
  atEndOfRun(async () => {
    await admin?.end({ timeout: 5 })
    await server.stop()
    await callOffGuard()
    rmSync(dataDir, { recursive: true, force: true })
  })
  return server.url
}

async function startEmbedded(dataDir: string) {
  const starter = Bun.spawn(
    [process.execPath, starterFile, dataDir, JSON.stringify(settingsForSpeed)],
    { stdin: 'ignore', stdout: 'ignore', stderr: 'inherit' },
  )
  await starter.exited
  return startEmbeddedPostgres({ dataDir })
}

async function useServer(url: string): Promise<string> {
  atEndOfRun(async () => {
    if (!admin) return
    for (const name of existing) await admin`drop database if exists ${admin(name)} with (force)`
    await admin.end({ timeout: 5 })
  })
  return url
}
