/** Logins of each kind: a command works, or says before it has written anything which SQL an administrator has to run. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { roleNames, roles } from '../../src/ledger/roles.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded.ts'
import { migrateWithRebuild } from '../../src/projector/rebuild/migrate-with-rebuild.ts'
import { runCli } from '../support/cli.ts'
import { guardProcess } from '../support/run.ts'
import { until } from '../support/until.ts'

/** A server of its own, because roles belong to a whole server, and these begin without the ledger's. */
let server: EmbeddedPostgres
let admin: postgres.Sql
let folder: string
let backup: string
let callOffGuard: () => Promise<void>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollbook-rights-'))
  backup = join(folder, 'backup.jsonl.gz')
  const dataDir = mkdtempSync(join(tmpdir(), 'tollbook-rights-server-'))
  server = await startEmbeddedPostgres({ dataDir, settings: { fsync: 'off' } })
  const callOff = guardProcess(server.pid, 'INT', dataDir)
  callOffGuard = async () => {
    await callOff()
    rmSync(dataDir, { recursive: true, force: true })
  }
  admin = postgres(server.url, { max: 1, onnotice: () => {} })
  for (const role of ['plain', 'stranger', 'reader', 'serving'])
    await admin.unsafe(`create role ${role} login password 'x'`)
  await admin.unsafe(
    `create role maker login createrole password 'x'; grant pg_read_all_data to reader`,
  )
})
afterAll(async () => {
  await admin.end({ timeout: 5 })
  await server.stop()
  await callOffGuard()
  rmSync(folder, { recursive: true, force: true })
})

let database: string
let made = 0
beforeEach(() => {
  database = `rights_${++made}`
})

const urlOf = (login: string) => {
  const url = new URL(server.url)
  url.pathname = `/${database}`
  if (login !== 'postgres') Object.assign(url, { username: login, password: 'x' })
  return url.href
}

async function makeDatabase(owner: string): Promise<void> {
  await admin.unsafe(`create database ${database} owner ${owner}`)
}

/** Another's ledger, in a database of its own. */
async function makeLedger(): Promise<void> {
  await makeDatabase('postgres')
  await migrateWithRebuild({ url: urlOf('postgres') })
}

/** As everybody begins: no database of a test has a ledger, so the roles can go. */
async function dropRoles(): Promise<void> {
  for (const {
    datname,
  } of await admin`select datname from pg_database where datname like 'rights_%'`)
    await admin.unsafe(`drop database ${datname} with (force)`)
  await admin.unsafe(`drop role if exists ${allRoles}`)
}

const as = (login: string, ...args: string[]) => runCli(args, { database: urlOf(login) })

async function works(login: string, ...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await as(login, ...args)
  expect({ args, status, stderr: status === 0 ? '' : stderr + stdout }).toEqual({
    args,
    status: 0,
    stderr: '',
  })
  return stdout
}

/** What each refusal prints to be run, and what it says. None has written anything. */
async function allRefused(login: string, commands: readonly string[][]) {
  const before = await written()
  const refusals = await Promise.all(commands.map((args) => refusalOf(login, args)))
  expect(await written()).toEqual(before)
  return refusals
}

const refused = async (login: string, ...args: string[]) =>
  (await allRefused(login, [args]))[0] as Awaited<ReturnType<typeof refusalOf>>

async function refusalOf(login: string, args: string[]) {
  const { status, stderr } = await as(login, ...args)
  expect({ args, status }).toEqual({ args, status: 1 })
  const statements = stderr.split('\n').filter((line) => /^ {2}(create|grant) .*;$/.test(line))
  return { args, stderr, statements: statements.map((line) => line.trim()) }
}

async function runAsAdmin(statements: readonly string[]): Promise<void> {
  const sql = postgres(urlOf('postgres'), { max: 1, onnotice: () => {} })
  for (const statement of statements) await sql.unsafe(statement)
  await sql.end()
}

/** All that a command could leave behind: roles, schemas, tables, functions and the rows of the log. */
async function written(): Promise<unknown> {
  const sql = postgres(urlOf('postgres'), { max: 1, onnotice: () => {} })
  try {
    const [{ log } = { log: null }] = await sql`select to_regclass('tollbook.heads') as log`
    return {
      roles: await sql`select rolname from pg_roles order by 1`,
      things:
        await sql`select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace
        where nspname not like 'pg_%' and nspname <> 'information_schema' union all
        select nspname, '' from pg_namespace union all select '', proname from pg_proc p
        join pg_namespace n on n.oid = pronamespace where nspname like 'tollbook%' order by 1, 2`,
      heads: log ? await sql`select shard, position, epoch from tollbook.heads order by 1` : [],
    }
  } finally {
    await sql.end()
  }
}

/** As `migrate` asks for them. */
const names = roles.map((role) => roleNames[role])
const creations = names.map((name) => `create role ${name} nologin;`)
const allRoles = names.join(', ')
/** The role that the ledger of the present database belongs to. */
const owner = () => `tollbook_owner_${database}`

/** What an administrator does for whoever may not make roles. */
const makeOwnerFor = (login: string) =>
  runAsAdmin([`create role ${owner()} nologin`, `grant ${owner()} to ${login}`])

const stalledRestore = join(import.meta.dir, '../support/stalled-restore.ts')
const shipped = join(import.meta.dir, '../../tollbook.yaml')

async function worksAsGateway(login: string): Promise<void> {
  await works(login, 'prices', 'publish', shipped)
  await Promise.all([
    works(login, 'keys', 'create', '--user', 'u1', '--name', 'k', '--config', shipped),
    works(login, 'verify'),
  ])
}

describe('migrate', () => {
  test('as the owner of a database who may not make roles: the SQL that is printed is all that it takes', async () => {
    await dropRoles()
    await makeDatabase('plain')
    const { find } = await doctor('plain')
    expect(find('roles')?.advice).toContain(
      `create role ${owner()} nologin;\ngrant ${allRoles}, ${owner()} to plain;`,
    )
    const { stderr, statements } = await refused('plain', 'migrate')
    expect(statements).toEqual([
      ...creations,
      `create role ${owner()} nologin;`,
      `grant ${allRoles}, ${owner()} to plain;`,
    ])
    expect(stderr).toContain(`in the database ${database}`)
    await runAsAdmin(statements)
    await works('plain', 'migrate')
    await worksAsGateway('plain')
    await works('plain', 'backup', backup, '--unsigned')
  })

  test('as somebody who owns nothing', async () => {
    await dropRoles()
    await makeDatabase('postgres')
    const { statements } = await refused('stranger', 'migrate')
    expect(statements).toEqual([
      ...creations,
      `create role ${owner()} nologin;`,
      `grant create on database ${database} to stranger;`,
      `grant ${allRoles}, ${owner()} to stranger;`,
    ])
    await runAsAdmin(statements)
    await works('stranger', 'migrate')
    await worksAsGateway('stranger')
  })

  test('as the owner of a schema that an administrator made, which is given to its role: that takes one more right, and a rebuild no other', async () => {
    await dropRoles()
    await makeDatabase('postgres')
    await runAsAdmin([...creations, 'create schema tollbook authorization stranger'])
    const { statements } = await refused('stranger', 'migrate')
    expect(statements).toContain(`grant create on database ${database} to stranger;`)
    await runAsAdmin(statements)
    await works('stranger', 'migrate')
    await works('stranger', 'replay', 'balances')
  })

  test('as somebody who may make roles: whoever made the role can take it', async () => {
    await dropRoles()
    await makeDatabase('maker')
    await works('maker', 'migrate')
    await worksAsGateway('maker')
  })
})

describe('on a ledger of somebody else', () => {
  test('a login that only serves does all that a gateway does, and nothing that is the owner’s', async () => {
    await makeLedger()
    await runAsAdmin([`grant ${allRoles} to serving`])
    await worksAsGateway('serving')
    const owners = [['migrate'], ['replay', 'balances'], ['restore', backup, '--unsigned']]
    for (const { args, stderr } of await allRefused('serving', owners)) {
      expect([args, stderr]).toEqual([
        args,
        expect.stringMatching(/log in as tollbook_owner_rights_\d+, or as a member|is not empty/),
      ])
    }
    const { stderr } = await refused('serving', 'restore', '--accept-loss', '--reason', 'x')
    expect(stderr).toContain('owner')
    // It works, and whoever steals it can do what both planes may.
    expect((await doctor('serving')).find('roles')?.status).toBe('warning')
  })

  test('a login that only reads is told what to grant, by every command', async () => {
    await makeLedger()
    const manages = [
      ['prices', 'publish', shipped],
      ['keys', 'create', '--user', 'u1', '--name', 'k', '--config', shipped],
      ['import', '--from', urlOf('reader'), '--config', shipped],
      ['events'],
    ]
    for (const { args, statements } of await allRefused('reader', manages)) {
      expect([args, statements]).toEqual([args, ['grant tollbook_management to "reader";']])
    }
    for (const { args, statements } of await allRefused('reader', [
      ['verify'],
      ['report', 'usage'],
    ])) {
      expect([args, statements]).toEqual([args, ['grant tollbook_reader to "reader";']])
    }
  })

  test('a login that only reads and is granted a role does what the role is for', async () => {
    await makeLedger()
    expect((await refused('reader', 'migrate')).stderr).toContain(
      `log in as ${owner()}, or as a member of it`,
    )
    const advice = (await doctor('reader')).find('roles')?.advice ?? ''
    expect(advice).toContain('grant tollbook_reader to "reader";')
    await runAsAdmin(['grant tollbook_reader to "reader";'])
    await works('reader', 'verify')
    await works('reader', 'report', 'usage')
    await refused('reader', 'prices', 'publish', shipped)
    await runAsAdmin(['grant tollbook_management to "reader";'])
    await worksAsGateway('reader')
    await runAsAdmin([`revoke ${allRoles} from reader`])
  })

  test('a database that takes no temporary tables, and one that takes no connections, say what to grant', async () => {
    await makeLedger()
    await runAsAdmin([`revoke temporary, connect on database ${database} from public`])
    const connecting = await refused('serving', 'verify')
    expect(connecting.statements).toEqual([`grant connect on database "${database}" to "serving";`])
    await runAsAdmin([...connecting.statements, `grant ${allRoles} to serving`])
    const verifying = await refused('serving', 'verify')
    expect(verifying.statements).toEqual([
      `grant temporary on database "${database}" to tollbook_reader;`,
    ])
    expect((await doctor('serving')).find('roles')?.advice).toContain(
      verifying.statements[0] as string,
    )
    await runAsAdmin(verifying.statements)
    await works('serving', 'verify')
  })
})

describe('restore', () => {
  test('as the owner of a new database who does not serve', async () => {
    await makeDatabase('plain')
    await runAsAdmin([`revoke ${allRoles} from plain`])
    await makeOwnerFor('plain')
    expect(await works('plain', 'restore', backup, '--unsigned')).toContain('events restored')
    await works('postgres', 'verify')
    await runAsAdmin([`grant ${allRoles} to plain`])
  })

  test('without rights writes nothing, and the SQL that is printed is all that it takes', async () => {
    await makeDatabase('postgres')
    const { statements } = await refused('stranger', 'restore', backup, '--unsigned')
    expect(statements).toEqual([
      `create role ${owner()} nologin;`,
      `grant create on database ${database} to stranger;`,
      `grant ${owner()}, ${allRoles} to stranger;`,
    ])
    await runAsAdmin(statements)
    await works('stranger', 'restore', backup, '--unsigned')
    await works('stranger', 'verify')
  })

  test('killed half-way leaves nothing behind', async () => {
    await makeDatabase('plain')
    await makeOwnerFor('plain')
    const before = await written()
    // The beginning without an end: the tables are made, and the transaction waits for more.
    const child = Bun.spawn([process.execPath, stalledRestore, urlOf('plain'), backup])
    const sessions = (state: string) => admin`
      select 1 from pg_stat_activity where datname = ${database} and state like ${state}`
    expect((await child.stdout.getReader().read()).done).toBe(false)
    await until(async () => (await sessions('idle in transaction')).length === 1, 30_000)
    child.kill('SIGKILL')
    await child.exited
    await until(
      async () =>
        (await admin`select 1 from pg_stat_activity where datname = ${database}`).length === 0,
    )
    expect(await written()).toEqual(before)
    await works('plain', 'restore', backup, '--unsigned')
  })
})

async function doctor(login: string) {
  const { stdout } = await as(login, 'doctor', '--json', '--config', shipped)
  const { findings } = JSON.parse(stdout) as {
    findings: { check: string; status: string; advice?: string }[]
  }
  return { find: (check: string) => findings.find((finding) => finding.check === check) }
}
