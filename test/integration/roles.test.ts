/** What a stolen credential can do: every cell of the table in docs/SECURITY.md is tried, by a login that has one role alone. */

import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import postgres from 'postgres'
import { openManagementCommands } from '../../src/ledger/commands/management-commands.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { catchUpFunctionNames } from '../../src/ledger/migrate/projection-functions.ts'
import { type Role, roles } from '../../src/ledger/roles.ts'
import { functionsOfRoles } from '../../src/ledger/sql/functions/functions-of-roles.ts'
import { openSchemaCheck } from '../../src/projector/verify/schema/schema-check.ts'
import { openGateway } from '../support/gateway.ts'
import { makeLogin } from '../support/logins.ts'
import { deeds, type Loot } from '../support/stolen-credentials.ts'
import { type Ledger, openLedger, type TestKey } from '../support/test-ledger.ts'

let ledger: Ledger
let key: TestKey
let loot: Loot
const stolen = {} as Record<Role, Sql>
const logins = {} as Record<Role, Awaited<ReturnType<typeof makeLogin>>>

beforeAll(async () => {
  ledger = await openLedger()
  for (const role of roles) {
    logins[role] = await makeLogin(ledger, role)
    stolen[role] = connect({ url: logins[role].url, as: role, max: 1 })
  }
  const account = await ledger.account()
  key = await ledger.key(account)
  const claim = { key: 'claim', requestHash: 'hash' }
  const { hold } = await ledger.hold(key, 5, { claim })
  await ledger.settle(hold, 3)
  const { accountId, keyId, hash: keyHash, version: keyVersion } = key
  loot = {
    ...{ accountId, keyId, keyHash, keyVersion, accountVersion: account.version },
    ...{ requestId: hold.requestId, claim: claim.key, tariff: key.tariff() },
  }
})
afterAll(async () => {
  for (const role of roles) {
    await stolen[role].end({ timeout: 5 })
    await logins[role].drop()
  }
  await ledger.close()
})

const denied = '42501'

/** The code by which a statement is refused to a thief, or `done`. Nothing of it stays. */
async function attempt(role: Role, statement: string): Promise<string> {
  try {
    await stolen[role].begin(async (tx) => {
      await tx.unsafe(statement)
      throw new Done()
    })
  } catch (error) {
    if (error instanceof Done) return 'done'
    if (error instanceof postgres.PostgresError) return error.code
    throw error
  }
  return 'done'
}

class Done extends Error {}

test('the ledger belongs to a role of its database that nobody logs in as, and that may do nothing else', async () => {
  const rows = await ledger.owner`
    select distinct starts_with(rolname, 'tollbook_owner_') as own, rolcanlogin, rolsuper, rolcreaterole, rolcreatedb,
      rolbypassrls, rolreplication
    from pg_roles where oid in (
      select nspowner from pg_namespace where nspname = 'tollbook'
      union select relowner from pg_class where relnamespace = 'tollbook'::regnamespace
      union select proowner from pg_proc where pronamespace = 'tollbook'::regnamespace)`
  expect([...rows]).toEqual([
    {
      ...{ own: true, rolcanlogin: false, rolsuper: false, rolcreaterole: false },
      ...{ rolcreatedb: false, rolbypassrls: false, rolreplication: false },
    },
  ])
})

describe.each(roles)('whoever steals the login of %s', (role) => {
  test.each(deeds)('$what', async ({ by, statements }) => {
    const expected = by.includes(role) ? 'done' : denied
    for (const statement of statements(loot, role)) {
      expect([statement, await attempt(role, statement)]).toEqual([statement, expected])
    }
  })

  test('executes the functions of the role and no others', async () => {
    const rows = await ledger.owner<{ name: string; may: boolean }[]>`
      select p.proname as name, has_function_privilege(${logins[role].name}, p.oid, 'execute') as may
      from pg_proc p where p.pronamespace = 'tollbook'::regnamespace`
    const own = [...functionsOfRoles[role], ...(role === 'calls' ? catchUpFunctionNames() : [])]
    const may = rows.filter((row) => row.may).map(({ name }) => name)
    expect(may.sort()).toEqual(own.sort())
  })

  test('reads the tables of the role and no others, and writes none', async () => {
    const tables = await ledger.owner<{ name: string; columns: string[] }[]>`
      select c.relname as name, array_agg(a.attname::text order by attnum) as columns
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where c.relnamespace = 'tollbook'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'S')
      group by 1 order by 1`
    expect(tables.length).toBeGreaterThan(15)
    for (const { name, columns } of tables) {
      for (const column of columns) {
        const isHidden = [
          ...['account_secrets.secret', 'account_names.name', 'stored_responses.response'],
        ].includes(`${name}.${column}`)
        const expected = role === 'calls' || isHidden ? denied : 'done'
        const read = `select ${column} from ${name} limit 1`
        expect([read, await attempt(role, read)]).toEqual([read, expected])
      }
      for (const write of [
        `insert into ${name} default values`,
        `update ${name} set ${columns[0]} = ${columns[0]}`,
        `delete from ${name}`,
        `truncate ${name}`,
        `drop table ${name}`,
      ]) {
        expect([write, await attempt(role, write)]).toEqual([write, denied])
      }
    }
  })

  test('has nothing more after a return to the login itself', async () => {
    for (const statement of ['reset role', 'set session authorization default']) {
      await stolen[role].unsafe(statement)
      expect(await attempt(role, 'select secret from account_secrets')).toBe(denied)
      expect(await attempt(role, 'delete from events')).toBe(denied)
    }
  })
})

test('what names no account or no actor is nothing that an owner causes, and only a request becomes nothing', async () => {
  const { accountId, keyId, keyVersion } = loot
  const event = { type: 'KeyRevoked', payload: '{}', accountId, keyId, mode: 'live' }
  const expected = [{ stream: 'key', id: keyId, version: keyVersion }]
  const recorded = (id: string, events: readonly object[]) =>
    attempt(
      'portal',
      `select record_own_v1(0::smallint, jsonb_build_object('instance', 'thief', 'sentAt', ledger_now()), '${id}', 'hash',
        '${JSON.stringify(expected)}', '${JSON.stringify(events)}')`,
    )
  const actor = 'user:forged'
  const id = crypto.randomUUID()
  expect(await recorded(id, [{ ...event, actor }])).toBe('done')
  expect(await recorded(id, [event])).toBe(denied)
  expect(await recorded(id, [{ ...event, accountId: null, actor }])).toBe(denied)
  expect(await recorded(id, [{ ...event, actor }, event])).toBe(denied)
  expect(await recorded(id, [])).toBe(denied)
  expect(await recorded(`request:${'0'.repeat(64)}`, [])).toBe('done')
})

test('a thief who changes the settings of a login changes no promise, and verify names him and his large objects', async () => {
  const { name, url, drop } = await makeLogin(ledger, 'calls', 'management')
  const thief = connect({ url, as: 'calls', max: 1 })
  await thief.unsafe(`set role none; alter role session_user set synchronous_commit = off`)
  const [{ large }] = await thief<[{ large: number }]>`select lo_from_bytea(0, 'x') as large`
  await thief.end()
  for (const role of ['calls', 'management'] as const) {
    const sql = connect({ url, as: role, max: 1 })
    const [row] = await sql`select current_setting('synchronous_commit') as commit`
    await sql.end()
    expect(row).toEqual({ commit: 'on' })
  }
  const check = openSchemaCheck({ url: ledger.url, maxDescribed: 100 })
  const { faults } = await check.run()
  await check.close()
  const named = faults.filter(({ object }) => object === `role ${name}`).map(({ fault }) => fault)
  await ledger.owner`select lo_unlink(${large})`
  await drop()
  expect(named).toEqual([
    'it has 1 large objects, and the ledger makes none',
    'it sets synchronous_commit=off',
  ])
})

test('what docs/SECURITY.md has a superuser take from everybody is taken from a thief', async () => {
  const document = await Bun.file(join(import.meta.dir, '../../docs/SECURITY.md')).text()
  const [, revoke = ''] = /```sql\n(revoke execute on function lo_[^`]*)```/.exec(document) ?? []
  await ledger.owner.unsafe(revoke)
  await ledger.owner.unsafe(`
    do $$ begin
      execute format('revoke temporary on database %I from public', current_database());
      execute format('grant temporary on database %I to tollbook_reader', current_database());
    end $$`)
  for (const statement of [
    'select lo_creat(-1)',
    'select lo_create(0)',
    `select lo_from_bytea(0, 'x')`,
  ]) {
    for (const role of roles) expect(await attempt(role, statement)).toBe(denied)
  }
  const temporary = 'create temporary table mine (a integer)'
  expect(await attempt('calls', temporary)).toBe(denied)
  expect(await attempt('management', temporary)).toBe(denied)
  expect(await attempt('reader', temporary)).toBe('done')
})

test('an event says who was logged in, whatever actor it names, and its hash covers that', async () => {
  const { accountId, keyId } = loot
  const thief = openManagementCommands(stolen.management, 'thief')
  const grant = { accountId, mode: 'live', credits: 5, kind: 'promotional' } as const
  const startsAt = ledger.now.toISOString()
  const { positions } = await thief.grant(0, { ...grant, startsAt, actor: 'admin:forged' })
  const gateway = openGateway(logins.calls.url, 'gateway-of-a-thief')
  const { position } = await gateway.count(key, 1)
  await gateway.close()
  const rows = await ledger.owner<{ login: string; actor: string; covered: boolean }[]>`
    select e.login, e.actor, e.event_hash = hash_event(shard, position, recorded_at, occurred_at, type, stream_version,
      account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, slots, status, latency_ms, lots, held,
      moved, actor, instance, payload, private, login) and e.event_hash <> hash_event(shard, position, recorded_at,
      occurred_at, type, stream_version, account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, slots,
      status, latency_ms, lots, held, moved, actor, instance, payload, private, 'somebody else') as covered
    from events e where position in (${positions?.[0] ?? 0}, ${position}) order by position`
  expect([...rows]).toEqual([
    { login: logins.management.name, actor: 'admin:forged', covered: true },
    { login: logins.calls.name, actor: `key:${keyId}`, covered: true },
  ])
})
