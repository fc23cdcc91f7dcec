/**
 * Puts a backup into an empty ledger, all of it or nothing. Events are inserted in the order of the log, so the trigger that feeds
 * the inline projections does what it did the first time. Every event hash is computed again.
 */
import postgres from 'postgres'
import { fillAccountNames } from '../account-profile.ts'
import { connect, defaultSchema, type Sql } from '../connect.ts'
import { makeRoles } from '../migrate/grants.ts'
import { migrateEmpty } from '../migrate/migrate.ts'
import { requireOwnerRights } from '../migrate/owner-rights.ts'
import {
  type BackupHead,
  type BackupShard,
  type LineKind,
  lineKinds,
  rowsOf,
} from './backup-format.ts'
import type { CheckedBackup } from './check-backup.ts'
import { type ReadEnd, readBackup } from './read-backup.ts'
import { RestoreRefused } from './restore-refused.ts'

const batchSize = 1_000
/** Of the lines that are inserted at once, for a response can be large. */
const maxBatchLength = 8_000_000
/** Partitions are extended after so many events. They reach further ahead than that, see extend_partitions. */
const eventsPerExtension = 1_000_000

/**
 * @param url of the schema's owner; the schema is made or updated in the same transaction
 * @param checked what was found to be whole and trusted
 * @param lines of the same backup, read once more
 * @param catchUp applies the restored log to the projections that follow it
 * @throws RestoreRefused, RightsMissing
 */
export async function restoreBackup(
  url: string,
  { head, end }: CheckedBackup,
  lines: AsyncIterator<string>,
  progress: (total: number, done: number) => void,
  catchUp: (tx: Sql, shards: readonly number[]) => Promise<unknown>,
): Promise<void> {
  const sql = connect({ url, as: 'owner', max: 1 })
  try {
    await refuseLedgerInUse(sql)
    await requireOwnerRights(sql, defaultSchema, 'migrate')
    await makeRoles(sql)
    await sql.begin(async (transaction) => {
      const tx = transaction as unknown as Sql
      const [before] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`
      await migrateEmpty(tx, head.shards.length)
      await lockEmptyLedger(tx, head)
      const { rows } = await readBackup(lines)
      const restored = await restoreRows(tx, head, rows, progress)
      if (restored.end.sha256 !== end.sha256) {
        throw new RestoreRefused('changed', 'it was changed while it was read')
      }
      for (const shard of head.shards) await setHead(tx, shard)
      await tx`select extend_partitions()`
      await catchUp(
        tx,
        head.shards.map(({ shard }) => shard),
      )
      await fillAccountNames(tx)
      // When a connection is lost, postgres.js goes on over another one, and the transaction is gone.
      const [after] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`
      if (after.pid !== before.pid) throw new Error('the connection was lost: restore again')
    })
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Comes before migrating: an older version may serve a ledger that is in use. */
async function refuseLedgerInUse(sql: Sql): Promise<void> {
  const [there] = await sql<[{ log: boolean }]>`select to_regclass('events') is not null as log`
  if (!there.log) return
  const [row] = await sql<[{ empty: boolean }]>`select not exists (select from events) as empty`
  if (!row.empty) throw new RestoreRefused('not_empty', 'the ledger there is not empty')
}

/** Keeps gateways out until the end: they would append to a ledger that is not whole yet. */
async function lockEmptyLedger(tx: Sql, head: BackupHead): Promise<void> {
  const shards = await tx<{ shard: number; position: number; events: boolean }[]>`
    select h.shard, h.position, exists (select from events where shard = h.shard) as events
    from heads h order by h.shard for update`
  if (shards.length !== head.shards.length) {
    throw new RestoreRefused(
      'other_shards',
      `the ledger there has ${shards.length} shards, the backup ${head.shards.length}`,
    )
  }
  if (shards.some(({ position, events }) => position > 0 || events)) {
    throw new RestoreRefused('not_empty', 'the ledger there is not empty')
  }
}

async function restoreRows(
  tx: Sql,
  head: BackupHead,
  rows: AsyncGenerator<readonly [LineKind, string], ReadEnd>,
  progress: (total: number, done: number) => void,
): Promise<ReadEnd> {
  const total = head.shards.reduce((sum, { position }) => sum + position, 0)
  let kind: LineKind = 'events'
  let batch: string[] = []
  let batchLength = 0
  let events = 0
  let extendAt = 0

  async function flush(): Promise<void> {
    if (batch.length === 0) return
    if (kind === 'events' && events >= extendAt) {
      extendAt = events + eventsPerExtension
      await tx`select extend_partitions()`
    }
    if (kind === 'events') {
      await insertEvents(tx, batch)
      events += batch.length
      progress(total, events)
    } else await insertRows(tx, kind, batch)
    batch = []
    batchLength = 0
  }

  for (;;) {
    const next = await rows.next()
    if (next.done) {
      await flush()
      return next.value
    }
    const [nextKind, line] = next.value
    const isFull = batch.length === batchSize || batchLength + line.length > maxBatchLength
    if (nextKind !== kind || isFull) await flush()
    kind = nextKind
    batch.push(line)
    batchLength += line.length
  }
}

async function insertRows(tx: Sql, kind: LineKind, batch: readonly string[]): Promise<void> {
  const { table, columns } = lineKinds[kind]
  await refuseUnreadable(() =>
    tx.unsafe(
      `with lines as (select unnest(string_to_array($1, E'\\n')) as line)
       insert into ${table} (${columns.map(([name]) => name).join(', ')}) ${rowsOf(kind)}`,
      [batch.join('\n')],
    ),
  )
}

/** The event hashes find an event that was changed. The heads move because extend_partitions reads them. */
async function insertEvents(tx: Sql, batch: readonly string[]): Promise<void> {
  const names: string[] = lineKinds.events.columns.map(([name]) => name)
  const hashedFields = names.filter((name) => name !== 'event_hash').map((name) => `b.${name}`)
  const [row] = await refuseUnreadable(() =>
    tx.unsafe<[{ changed: number }]>(
      `with lines as materialized (select unnest(string_to_array($1, E'\\n')) as line),
       rows as materialized (${rowsOf('events')}),
       written as (
         insert into events (${names.join(', ')}) select ${names.join(', ')} from rows order by shard, position returning 1
       ),
       moved as (
         update heads h set position = r.position
         from (select shard, max(position) as position from rows group by shard) r where h.shard = r.shard
         returning 1
       )
       select count(*) filter (where b.event_hash <> hash_event(${hashedFields.join(', ')})) as changed from rows b`,
      [batch.join('\n')],
    ),
  )
  if (row.changed > 0) {
    throw new RestoreRefused('changed', 'an event does not have the hash that it was written with')
  }
}

/** A line that PostgreSQL cannot read was not written by a backup. */
async function refuseUnreadable<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (error instanceof postgres.PostgresError && /^2[23]/.test(error.code)) {
      throw new RestoreRefused('changed', `it has a line that no backup has (${error.message})`)
    }
    throw error
  }
}

/** Checks that the shard has all events up to its last, and that this is the one which the backup names. Then its head is the backup's. */
async function setHead(tx: Sql, named: BackupShard): Promise<void> {
  const { shard, position, epoch, recordedAt, divergence } = named
  const [row] = await tx<[{ events: number; last: number; hash: string }]>`
    select count(*) as events, coalesce(max(position), 0)::bigint as last, coalesce((
      select encode(event_hash, 'hex') from events where shard = ${shard} and position = ${position}), '') as hash
    from events where shard = ${shard}`
  if (row.events !== position || row.last !== position) {
    throw new RestoreRefused('changed', `its shard ${shard} does not have all its events`)
  }
  if (named.hash !== undefined && named.hash !== row.hash) {
    throw new RestoreRefused('changed', `its shard ${shard} does not end as its head says`)
  }
  // As text: a time that the client library reads has no microseconds.
  await tx`
    update heads set position = ${position}, epoch = ${epoch}, recorded_at = ${recordedAt}::text::timestamptz,
      clock_at = ${recordedAt}::text::timestamptz, event_hash = decode(${row.hash}, 'hex'), divergence = ${divergence ?? null}
    where shard = ${shard}`
  await tx`select enter_partition(${shard}::smallint)`
}
