/** Verifying names what of the schema is not as shipped, and nothing in any of the ways in which a schema comes about. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { projections } from '../../projections/index.ts'
import { connect, type Sql } from '../../src/ledger/connect.ts'
import { migrate } from '../../src/ledger/migrate/migrate.ts'
import { migrationsTable, migrationTexts } from '../../src/ledger/migrate/migrations.ts'
import { codeTexts } from '../../src/ledger/migrate/schema-texts.ts'
import { migrateWithRebuild } from '../../src/projector/rebuild/migrate-with-rebuild.ts'
import { rebuildAll } from '../../src/projector/rebuild/rebuild.ts'
import {
  openSchemaCheck,
  type SchemaCheck,
} from '../../src/projector/verify/schema/schema-check.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { putShippedClock } from '../support/shipped-clock.ts'
import { openLedger } from '../support/test-ledger.ts'
import { fillVariedLedger } from '../support/varied-ledger.ts'

async function faultsIn(url: string): Promise<string[]> {
  const check = openSchemaCheck({ url, maxDescribed: 100 })
  try {
    return await faultsOf(check)
  } finally {
    await check.close()
  }
}

async function faultsOf(check: SchemaCheck): Promise<string[]> {
  const { faulty, faults } = await check.run()
  expect(faulty).toBe(faults.length)
  return faults.map(({ object, fault }) => `${object}: ${fault}`)
}

const ownerOf = ({ url }: TestDatabase) => `tollbook_owner_${new URL(url).pathname.slice(1)}`

describe('a schema that nobody changed has no fault', () => {
  let database: TestDatabase
  let sql: Sql
  beforeAll(async () => {
    database = await createDatabase()
    sql = connect({ url: database.url, as: 'owner', max: 1 })
  })
  afterAll(async () => {
    await sql.end()
    await database.drop()
  })

  test('of the first migration, with a partition of then, and migrated since', async () => {
    await sql.unsafe(
      [
        'create schema tollbook; set local check_function_bodies = off',
        ...[migrationsTable, migrationTexts[0], ...codeTexts()],
      ].join(';\n'),
    )
    await sql`insert into migrations (id, name) values (8, 'schema')`
    await sql`insert into heads (shard) values (0)`
    await sql`select make_partitions(4000000, 0)`
    await migrate({ url: database.url })
    expect(await sql`select 1 from pg_inherits where inhparent = 'events'::regclass`).toHaveLength(
      3,
    )
    expect(await faultsIn(database.url)).toEqual([])
  })

  test('after functions got other parameters: migrate drops those of before', async () => {
    await sql`create function tariff_at(in_shard bigint) returns text language sql as 'select null'`
    const object = 'function tariff_at(in_shard bigint)'
    expect(await faultsIn(database.url)).toEqual([`${object}: it is not shipped`])
    await migrateWithRebuild({ url: database.url })
    expect(await faultsIn(database.url)).toEqual([])
  })

  test('with indexes made again from how PostgreSQL writes them, as a dump has them', async () => {
    const made = await sql<{ text: string }[]>`
      select format('drop index %s; %s', indexrelid::regclass, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')) as text
      from pg_index
      where not indisprimary and indrelid in (select 'events'::regclass union all
        select inhrelid from pg_inherits where inhparent = 'events'::regclass and indisunique)`
    expect(made.length).toBeGreaterThan(5)
    for (const { text } of made) await sql.unsafe(text)
    expect(await faultsIn(database.url)).toEqual([])
  })
})

test('of four shards, with tables that were built anew, has none', async () => {
  const ledger = await openLedger({ shards: 4 })
  try {
    await fillVariedLedger(ledger)
    await rebuildAll(projections, { url: ledger.url })
    // As gateways do, when the log has grown.
    await ledger.owner`update heads set position = 13000000 where shard = 2`
    await ledger.calls`select extend_partitions()`
    expect(
      await ledger.owner`select from pg_inherits where inhparent = 'events'::regclass`,
    ).toHaveLength(6)
    await putShippedClock(ledger.owner)
    expect(await faultsIn(ledger.url)).toEqual([])
  } finally {
    await ledger.close()
  }
})

describe('what was changed is named', () => {
  let database: TestDatabase
  let sql: Sql
  let check: SchemaCheck
  beforeAll(async () => {
    database = await createDatabase()
    await migrate({ url: database.url })
    sql = connect({ url: database.url, as: 'owner', max: 1 })
    check = openSchemaCheck({ url: database.url, maxDescribed: 100 })
  })
  afterAll(async () => {
    await Promise.all([sql.end(), check.close()])
    await database.drop()
  })

  const first = 'events_0000000000000'

  const opensRequest = `btree (request_id, shard) WHERE ((type = 'CreditsHeld'::text) OR ((type = ANY (ARRAY['HoldSettled'::text, 'HoldReleased'::text])) AND (held IS NULL)))`

  /** What is done, what is named, and how it is undone where another `migrate` does not. */
  const changes: readonly { change: string; named: readonly string[]; undo?: string }[] = [
    {
      change: `create or replace function is_opened(in_shard smallint, in_request text) returns boolean language sql stable as 'select false'`,
      named: [
        'function is_opened(in_shard smallint, in_request text): its body is not as shipped',
        'function is_opened(in_shard smallint, in_request text): its language: "sql", as shipped "plpgsql"',
      ],
    },
    {
      change: 'drop function first_id',
      named: ['function first_id(in_time timestamp with time zone): it is missing'],
    },
    {
      change: `create function array_position(in_list text[], in_text text) returns integer language sql as 'select 0'`,
      named: ['function array_position(in_list text[], in_text text): it is not shipped'],
      undo: 'drop function array_position(text[], text)',
    },
    {
      // Who joins texts by the ledger's search path is told another name of the function.
      change: `create function more(in_account text) returns text language sql as 'select in_account';
        create function public.renamed(in_text text, in_name name) returns text language sql
          as $$ select in_text || case in_name::text when 'more' then 'account_secret_v1' else in_name::text end $$;
        create operator tollbook.|| (leftarg = text, rightarg = name, function = public.renamed)`,
      named: [
        'function more(in_account text): it is not shipped',
        'operator ||(text, name): it is not shipped',
      ],
      undo: 'drop function more(text); drop function public.renamed cascade',
    },
    {
      change: `create function put_nothing(in_list bigint[], in_number bigint) returns bigint[] language sql as 'select in_list';
        create operator tollbook.|| (leftarg = bigint[], rightarg = bigint, function = put_nothing)`,
      named: [
        'function put_nothing(in_list bigint[], in_number bigint): it is not shipped',
        'operator ||(bigint[], bigint): it is not shipped',
      ],
      undo: 'drop function put_nothing cascade',
    },
    {
      change: 'create cast (tollbook.lots as text) with inout as implicit',
      named: ['cast (tollbook.lots as text): it is not shipped'],
      undo: 'drop cast (tollbook.lots as text)',
    },
    {
      change: `create type more as (credits bigint); create domain amount as bigint; create type state as enum ('open')`,
      named: [
        'type amount: it is not shipped',
        'type more: it is not shipped',
        'type state: it is not shipped',
      ],
      undo: 'drop type more, state; drop domain amount',
    },
    {
      change: 'alter function extend_partitions() set search_path = public, tollbook',
      named: [
        'function extend_partitions(): its settings: "search_path=public, tollbook", as shipped "search_path=tollbook, pg_temp"',
      ],
    },
    {
      change: 'alter function heads_v1 security invoker',
      named: [
        'function heads_v1(): its rights: "those of whoever runs it", as shipped "those of its owner"',
      ],
    },
    {
      change: 'alter function first_id owner to postgres',
      named: [
        'function first_id(in_time timestamp with time zone): it belongs to postgres, as shipped to OWNER',
      ],
    },
    {
      change: 'alter table events disable trigger refuse_change',
      named: ['events, trigger refuse_change: its state: "disabled", as shipped "enabled"'],
      undo: 'alter table events enable trigger refuse_change',
    },
    {
      change: `alter table ${first} disable trigger refuse_truncate`,
      named: [`${first}, trigger refuse_truncate: its state: "disabled", as shipped "enabled"`],
      undo: `alter table ${first} enable trigger refuse_truncate`,
    },
    { change: 'drop trigger project on events', named: ['events, trigger project: it is missing'] },
    {
      change:
        'create trigger more before insert on heads for each row execute function refuse_change()',
      named: ['heads, trigger more: it is not shipped'],
      undo: 'drop trigger more on heads',
    },
    {
      change: 'drop index events_by_account',
      named: [
        'events, index btree (account_id, "position") WHERE (account_id IS NOT NULL): it is missing',
      ],
      undo: 'create index events_by_account on events (account_id, position) where account_id is not null',
    },
    {
      change: `drop index ${first}_openings`,
      named: [`${first}, unique index ${opensRequest}: it is missing`],
      undo: `create unique index ${first}_openings on ${first} using ${opensRequest}`,
    },
    {
      change: 'create index more on heads (position)',
      named: ['heads, index btree ("position"): it is not shipped'],
      undo: 'drop index more',
    },
    {
      change: 'alter table balances add constraint small check (debt < 1000)',
      named: ['balances, constraint small: it is not shipped'],
      undo: 'alter table balances drop constraint small',
    },
    {
      change: 'alter table withheld drop constraint withheld_pkey',
      named: [
        'withheld, constraint withheld_pkey: it is missing',
        'withheld, unique index btree ("position", shard): it is missing',
      ],
      undo: 'alter table withheld add primary key (position, shard)',
    },
    {
      change: 'alter table heads alter column epoch set default 7',
      named: ['heads, column epoch: its default: "7", as shipped "1"'],
      undo: 'alter table heads alter column epoch set default 1',
    },
    {
      change: 'alter table producers alter column instance drop not null',
      named: ['producers, column instance: its nulls: "taken", as shipped "refused"'],
      undo: 'alter table producers alter column instance set not null',
    },
    {
      change: 'alter table heads alter column epoch type bigint',
      named: ['heads, column epoch: its type: "bigint", as shipped "integer"'],
      undo: 'alter table heads alter column epoch type integer',
    },
    {
      change: 'alter table lots set unlogged',
      named: ['lots: its durability: "unlogged", as shipped "logged"'],
      undo: 'alter table lots set logged',
    },
    {
      change: 'create rule more as on insert to withheld do instead nothing',
      named: ['withheld, rule more: it is not shipped'],
      undo: 'drop rule more on withheld',
    },
    {
      change: 'alter table withheld enable row level security',
      named: ['withheld: its row security: "on", as shipped "off"'],
      undo: 'alter table withheld disable row level security',
    },
    {
      change: 'alter table withheld rename to withheld_once',
      named: ['withheld: it is missing'],
      undo: 'alter table withheld_once rename to withheld',
    },
    {
      change: 'grant update on heads to tollbook_reader',
      named: ['heads: it grants UPDATE to tollbook_reader, as shipped it does not'],
    },
    {
      change: 'revoke select on lots from tollbook_management',
      named: ['lots: it does not grant SELECT to tollbook_management, as shipped it does'],
    },
    {
      change: 'grant select (secret) on account_secrets to tollbook_reader',
      named: [
        'account_secrets: it grants SELECT (secret) to tollbook_reader, as shipped it does not',
      ],
      undo: 'revoke select (secret) on account_secrets from tollbook_reader',
    },
    {
      change: 'grant execute on function account_secret_v1 to tollbook_reader with grant option',
      named: [
        'function account_secret_v1(in_account text): it grants EXECUTE to tollbook_reader with grant option, as shipped it does not',
      ],
    },
    {
      change: 'revoke execute on function heads_v1 from tollbook_calls',
      named: [
        'function heads_v1(): it does not grant EXECUTE to tollbook_calls, as shipped it does',
      ],
    },
    {
      change: 'grant create on schema tollbook to public',
      named: ['schema tollbook: it grants CREATE to everybody, as shipped it does not'],
    },
    {
      change: `grant delete on ${first} to tollbook_calls`,
      named: [`${first}: it grants DELETE to tollbook_calls, as shipped it does not`],
    },
    {
      change: 'alter table heads owner to postgres',
      named: ['heads: it belongs to postgres, as shipped to OWNER'],
    },
    {
      change: `do $$ begin execute format('alter database %I set session_replication_role = replica', current_database()); end $$`,
      named: ['database DATABASE: it sets session_replication_role=replica'],
      undo: `do $$ begin execute format('alter database %I reset session_replication_role', current_database()); end $$`,
    },
  ]

  test.each(changes)('$change', async ({ change, named, undo }) => {
    const name = new URL(database.url).pathname.slice(1)
    const expected = named.map((each) =>
      each.replace('OWNER', ownerOf(database)).replace('DATABASE', name),
    )
    await sql.unsafe(change)
    try {
      expect(await faultsOf(check)).toEqual(expected)
    } finally {
      if (undo) await sql.unsafe(undo)
      await migrate({ url: database.url })
    }
    expect(await faultsOf(check)).toEqual([])
  })
})
