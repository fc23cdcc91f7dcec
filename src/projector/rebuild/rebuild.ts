/**
 * Builds projections anew from the log, beside the tables in service, and puts the new tables in their
 * place when they have caught up.
 *
 *   1. The tables are made in a schema of their own, `<ledger>_replay`, without their secondary indexes, and unlogged,
 *      as the table of the position reached is: a crash of PostgreSQL empties all of them, and it is begun again.
 *   2. The log is applied range by range; rows and the position reached move in one transaction, so that an
 *      interrupted rebuild goes on where it stopped. Nobody waits for any of this.
 *   3. The tables become logged, indexes and statistics are made, and what was appended meanwhile is applied.
 *   4. Under the lock that whatever feeds the tables in service takes (the shards' locks, or the checkpoint's
 *      row), the last few events are applied and the tables change places. A reader has the old tables or the
 *      new ones. If some reader keeps the old ones for longer than a moment, everybody else goes first and
 *      the exchange is tried again.
 *
 * Two rebuilds of one projection cannot mix: a range is applied only where the last one ended.
 */
import postgres from 'postgres'
import type { Projection } from '../../../projections/projection.ts'
import { connect, defaultSchema, type Sql, servingRole } from '../../ledger/connect.ts'
import {
  applied,
  applyLargeRange,
  at,
  fingerprint,
  type Place,
  statementsOf,
  tablesOf,
  weightOf,
} from '../mapping.ts'
import { openAdaptiveBatch, type Progress } from '../ranges.ts'
import { runConcurrently } from '../run-concurrently.ts'

/** So few that they are applied in a moment, while appends wait. */
const fewEvents = 2_000
const exchangeAttempts = 100
const lockNotAvailable = '55P03'
const deadlock = '40P01'

export interface RebuildOptions {
  /** Of the schema's owner. */
  readonly url: string
  readonly schema?: string | undefined
  readonly progress?: Progress
}

/** A projection that stands beside the one in service, almost caught up. */
export interface Built {
  readonly projection: Projection
  /** The statements that apply the rest and exchange the tables: one transaction, under the right locks. */
  exchange(): Promise<string>
  /** Applies what was appended since. */
  catchUp(): Promise<void>
  /** Events applied by this run, but for those that were appended during the exchange itself. */
  readonly events: number
  /** The run went on where another one had stopped. */
  readonly resumed: boolean
}

export interface Rebuilt {
  readonly projection: string
  readonly events: number
  readonly resumed: boolean
  /** For how long appends (or the projection's own feed) stood still, in milliseconds. */
  readonly exchangeMs: number
}

/** Rebuilds one projection and puts it in service. */
export async function rebuild(
  projection: Projection,
  { url, schema = defaultSchema, progress }: RebuildOptions,
): Promise<Rebuilt> {
  const sql = connect({ url, schema, as: 'owner', max: 1 })
  try {
    const built = await buildBeside(sql, projection, schema, progress)
    const exchangeMs = await exchange([built], (texts) => sql.unsafe(texts.join(';\n')))
    await sql.unsafe(clearUp(schema))
    const { events, resumed } = built
    return { projection: projection.name, events, resumed, exchangeMs }
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** Rebuilds projections, two at a time; progress is that of all of them together. */
export function rebuildAll(
  projections: readonly Projection[],
  { progress, ...options }: RebuildOptions,
): Promise<Rebuilt[]> {
  const jobs = projections.map((projection) => ({
    name: projection.name,
    weight: weightOf(projection),
    work: (progress: Progress) => rebuild(projection, { ...options, progress }),
  }))
  return runConcurrently('replay', jobs, progress)
}

/** Makes the tables beside and brings them almost to the log's end. */
export async function buildBeside(
  sql: Sql,
  projection: Projection,
  schema: string,
  progress: Progress = () => {},
): Promise<Built> {
  const place = { tables: `${schema}_replay`, ledger: schema }
  await prepare(sql, projection, place)
  const resumed = (await reached(sql, projection, place)).some(({ position }) => position > 0)
  let events = 0
  let inExchange = 0
  await catchUp()
  for (const statement of finishing(projection, place)) await sql.unsafe(at(place, [statement]))
  await catchUp()

  async function catchUp(): Promise<void> {
    const adaptiveBatch = openAdaptiveBatch()
    for (;;) {
      const shards = await reached(sql, projection, place)
      const total = shards.reduce((sum, { head }) => sum + head, 0)
      const done = shards.reduce((sum, { position }) => sum + position, 0)
      progress(projection.name, total, done)
      const next = shards.find(({ position, head }) => head - position > fewEvents)
      if (!next) return
      const { shard, position, head } = next
      const upTo = Math.min(position + adaptiveBatch.size, head)
      await adaptiveBatch.step(async () => {
        await sql.unsafe(
          at(place, [
            moves(projection, place, shard, position, `${upTo}`),
            ...applyLargeRange(projection, { shard, after: position, upTo }),
          ]),
        )
      })
      events += upTo - position
    }
  }

  return {
    projection,
    resumed,
    catchUp,
    exchange: async () => {
      const shards = await reached(sql, projection, place)
      inExchange = shards.reduce((sum, { position, head }) => sum + head - position, 0)
      return at(place, exchanging(projection, place, shards))
    },
    get events() {
      return events + inExchange
    },
  }
}

/**
 * Puts built projections in service by one transaction, which `run` makes of their texts. Answers for how
 * long what feeds them stood still, in milliseconds.
 */
export async function exchange(
  builts: readonly Built[],
  run: (texts: readonly string[]) => Promise<unknown>,
): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const texts: string[] = []
    for (const built of builts) texts.push(await built.exchange())
    const startedAt = performance.now()
    try {
      await run(texts)
      return performance.now() - startedAt
    } catch (error) {
      if (!isBusy(error) || attempt === exchangeAttempts) throw error
    }
    await Bun.sleep(20 * Math.min(attempt, 25))
    for (const built of builts) await built.catchUp()
  }
}

/** Somebody held on to the tables, or to the shard, for longer than it is worth waiting. */
function isBusy(error: unknown): boolean {
  return (
    error instanceof postgres.PostgresError &&
    (error.code === lockNotAvailable || error.code === deadlock)
  )
}

/**
 * Makes the empty tables, unless an interrupted rebuild by the same mapping left some. It is one transaction,
 * for a rebuild that ends drops the schema when it sees no other one in it.
 */
async function prepare(sql: Sql, projection: Projection, place: Place): Promise<void> {
  const { tables: schema, ledger } = place
  const name = `'${projection.name}'`
  const mark = `'${fingerprint(projection)}'`
  const tables = tablesOf(projection)
  const fresh = [
    `delete from ${schema}.progress where projection = ${name}`,
    ...tables.map((table) => `drop table if exists ${schema}.${table}`),
    ...statementsOf(projection).tables.map((statement) =>
      statement.replace(/^create table /, 'create unlogged table '),
    ),
    ...tables.map((table) => `grant select on ${schema}.${table} to ${servingRole}`),
    // The functions that write them belong to whoever owns the log.
    ...tables.map(
      (table) => `execute format('alter table ${schema}.${table} owner to %I',
        (select pg_get_userbyid(relowner) from pg_class where oid = '${ledger}.events'::regclass))`,
    ),
    `insert into ${schema}.progress (projection, shard, fingerprint, position)
     select ${name}, shard, ${mark}, 0 from heads`,
  ]
  await sql.unsafe(
    at(place, [
      serialised(ledger),
      `create schema if not exists ${schema}`,
      `create unlogged table if not exists ${schema}.progress (projection text, shard smallint, fingerprint text not null,
        position bigint not null, primary key (projection, shard))`,
      `do $do$ begin
        -- What a version of this program left that had a log of it.
        if exists (select from pg_class where oid = '${schema}.progress'::regclass and relpersistence <> 'u') then
          alter table ${schema}.progress set unlogged;
        end if;
        if not exists (select from ${schema}.progress where projection = ${name} and fingerprint = ${mark}) then
          ${fresh.join(';\n')};
        end if;
      end $do$`,
    ]),
  )
}

interface Reached {
  readonly shard: number
  readonly position: number
  readonly head: number
}

async function reached(sql: Sql, { name }: Projection, { tables }: Place): Promise<Reached[]> {
  const rows = await sql.unsafe<Reached[]>(
    `select p.shard, p.position, h.position as head
     from ${tables}.progress p join heads h on h.shard = p.shard
     where p.projection = '${name}' order by p.shard`,
  )
  if (rows.length === 0) throw new Error(`another rebuild of ${name} finished meanwhile`)
  return [...rows]
}

/** Moves the position reached, which nobody else may have moved. */
function moves(
  { name }: Projection,
  { tables }: Place,
  shard: number,
  from: number,
  upTo: string,
): string {
  return `do $$ begin
    update ${tables}.progress set position = ${upTo}
      where projection = '${name}' and shard = ${shard} and position = ${from};
    if not found then
      raise exception 'another rebuild of ${name} is under way';
    end if;
  end $$`
}

/** Durability, indexes, and figures for the planner, while nobody uses the tables yet. */
function finishing(projection: Projection, { tables: schema }: Place): string[] {
  const tables = tablesOf(projection)
  const indexes = statementsOf(projection).indexes.map((statement) =>
    statement.replace(/^create (unique )?index /, 'create $1index if not exists '),
  )
  return [
    ...tables.map((table) => `alter table ${schema}.${table} set logged`),
    ...indexes,
    ...tables.map((table) => `analyze ${schema}.${table}`),
  ]
}

function exchanging(projection: Projection, place: Place, shards: readonly Reached[]): string[] {
  const { name, version, mode } = projection
  const numbers = shards.map(({ shard }) => shard)
  const all = numbers.join(', ')
  const locks =
    mode === 'inline'
      ? numbers.map(
          (shard) => `select pg_advisory_xact_lock(hashtext('${place.ledger}'), ${shard})`,
        )
      : [
          `select from ${place.ledger}.projection_checkpoints
            where projection = '${name}' and shard in (${all}) order by shard for update`,
        ]
  const tail = shards.flatMap(({ shard, position }) => [
    moves(
      projection,
      place,
      shard,
      position,
      `(select position from ${place.ledger}.heads where shard = ${shard})`,
    ),
    ...applied(projection, {
      shard,
      after: position,
      upTo: `(select position from ${place.tables}.progress where projection = '${name}' and shard = ${shard})`,
    }),
  ])
  return [
    // Waiting for our turn keeps nobody from theirs; waiting with a shard in hand does.
    `set local lock_timeout = '5s'`,
    ...locks.slice(0, 1),
    `set local lock_timeout = '250ms'`,
    ...locks.slice(1),
    ...tail,
    ...tablesOf(projection).flatMap((table) => [
      `drop table if exists ${place.ledger}.${table}`,
      `alter table ${place.tables}.${table} set schema ${place.ledger}`,
    ]),
    `insert into ${place.ledger}.projection_checkpoints (projection, shard, version, position)
      select projection, shard, ${version}, ${mode === 'inline' ? '0' : 'position'}
      from ${place.tables}.progress where projection = '${name}'
      on conflict (projection, shard) do update set version = excluded.version, position = excluded.position`,
    `delete from ${place.tables}.progress where projection = '${name}'`,
    // What else the client's transaction makes belongs in the ledger.
    `set local search_path = ${place.ledger}, pg_temp`,
  ]
}

/** Drops the schema beside when no rebuild is under way in it. */
export function clearUp(schema: string): string {
  return `set local lock_timeout = '5s';
    ${serialised(schema)};
    do $$ begin
      if not exists (select from ${schema}_replay.progress) then
        drop schema ${schema}_replay cascade;
      end if;
    exception when undefined_table or invalid_schema_name then null;
    end $$`
}

function serialised(schema: string): string {
  return `select pg_advisory_xact_lock(hashtext('${schema}.replay'))`
}
