/**
 * Puts a backup's lines into an empty ledger, all of them or none. Events are inserted in the order of the log, so the trigger
 * that feeds the inline projections does what it did the first time. Every event hash is computed again, which finds a line that
 * was changed.
 */
import postgres from 'postgres'
import { connect, defaultSchema, type Sql } from '../connect.ts'
import { makeRoles } from '../migrate/grants.ts'
import { migrateEmpty } from '../migrate/migrate.ts'
import { requireOwnerRights } from '../migrate/owner-rights.ts'
import {
  type BackupEnd,
  type BackupHead,
  eventColumns,
  formats,
  readEventLines,
} from './backup-lines.ts'

export type RestoreFault =
  | 'not_a_backup'
  | 'other_format'
  | 'cut_off'
  | 'changed'
  | 'not_empty'
  | 'other_shards'

/** The lines cannot be restored here; nothing was written. */
export class RestoreRefused extends Error {
  override readonly name = 'RestoreRefused'
  readonly fault: RestoreFault

  constructor(fault: RestoreFault, detail: string) {
    super(detail)
    this.fault = fault
  }
}

const batchSize = 1_000
/** Partitions are extended after so many events. They reach further ahead than that, see extend_partitions. */
const eventsPerExtension = 1_000_000

/**
 * @param url of the schema's owner; the schema is made or updated in the same transaction
 * @param catchUp applies the restored log to the projections that follow it
 * @throws RestoreRefused, RightsMissing
 */
export async function restoreLines(
  url: string,
  lines: AsyncIterator<string>,
  progress: (total: number, done: number) => void,
  catchUp: (tx: Sql, shards: readonly number[]) => Promise<unknown>,
): Promise<BackupEnd & { readonly head: BackupHead }> {
  const first = await lines.next()
  const hash = new Bun.CryptoHasher('sha256')
  const head = headOf(first.done ? '' : first.value)
  hash.update(`${first.value}\n`)
  const sql = connect({ url, as: 'owner', max: 1 })
  try {
    await refuseLedgerInUse(sql)
    await requireOwnerRights(sql, defaultSchema, 'migrate')
    await makeRoles(sql)
    return await sql.begin(async (transaction) => {
      const tx = transaction as unknown as Sql
      const [before] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`
      await migrateEmpty(tx, head.shards.length)
      await lockEmptyLedger(tx, head)
      const end = await restoreAll(tx, head, lines, hash, progress)
      await setHeads(tx, head)
      await catchUp(
        tx,
        head.shards.map(({ shard }) => shard),
      )
      // When a connection is lost, postgres.js goes on over another one, and the transaction is gone.
      const [after] = await tx<[{ pid: number }]>`select pg_backend_pid() as pid`
      if (after.pid !== before.pid) throw new Error('the connection was lost: restore again')
      return { head, ...end }
    })
  } finally {
    await sql.end({ timeout: 1 })
  }
}

function headOf(line: string): BackupHead {
  const head = parsed(line)?.head as BackupHead | undefined
  if (!head?.shards) throw new RestoreRefused('not_a_backup', 'it does not begin like a backup')
  if (!formats.includes(head.format)) {
    throw new RestoreRefused(
      'other_format',
      `its format is ${head.format}, and this version reads ${formats.join(' and ')}`,
    )
  }
  return head
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

async function restoreAll(
  tx: Sql,
  head: BackupHead,
  lines: AsyncIterator<string>,
  hash: Bun.CryptoHasher,
  progress: (total: number, done: number) => void,
): Promise<BackupEnd> {
  const total = head.shards.reduce((sum, { position }) => sum + position, 0)
  const counts = { events: 0, secrets: 0, commands: 0 }
  let kind: keyof typeof counts = 'events'
  let batch: string[] = []
  let extendAt = 0

  async function flush(): Promise<void> {
    if (batch.length === 0) return
    if (kind === 'events' && counts.events >= extendAt) {
      extendAt = counts.events + eventsPerExtension
      await tx`select extend_partitions()`
    }
    await insert[kind](tx, batch.join('\n'))
    counts[kind] += batch.length
    batch = []
    progress(total, counts.events)
  }

  for (;;) {
    const { value: line, done } = await lines.next()
    if (done) throw new RestoreRefused('cut_off', 'it has no end: it was cut off')
    const is = kindOf(line)
    if (is === 'end') {
      await flush()
      return checkedEnd(line, counts, hash)
    }
    if (is !== kind || batch.length === batchSize) await flush()
    kind = is
    batch.push(line)
    hash.update(`${line}\n`)
  }
}

function kindOf(line: string): 'events' | 'secrets' | 'commands' | 'end' {
  if (line.startsWith('{"event"')) return 'events'
  if (line.startsWith('{"secret"')) return 'secrets'
  if (line.startsWith('{"command"')) return 'commands'
  if (line.startsWith('{"end"')) return 'end'
  throw new RestoreRefused('changed', 'it has a line that no backup has')
}

const insert = {
  async events(tx: Sql, text: string): Promise<void> {
    // The event hashes find a line that was changed. The heads move because extend_partitions reads them.
    const names = eventColumns.join(', ')
    const hashedFields = eventColumns
      .filter((name) => name !== 'event_hash')
      .map((name) => `b.${name}`)
      .join(', ')
    const [row] = await refuseUnreadable(() =>
      tx.unsafe<[{ changed: number }]>(
        `with lines as materialized (select unnest(string_to_array($1, E'\\n')) as line),
         rows as materialized (${readEventLines}),
         written as (insert into events (${names}) select ${names} from rows order by shard, position returning 1),
         moved as (
           update heads h set position = r.position
           from (select shard, max(position) as position from rows group by shard) r where h.shard = r.shard
           returning 1
         )
         select count(*) filter (where b.event_hash <> hash_event(${hashedFields})) as changed from rows b`,
        [text],
      ),
    )
    if (row.changed > 0) {
      throw new RestoreRefused(
        'changed',
        'an event does not have the hash that it was written with',
      )
    }
  },

  async secrets(tx: Sql, text: string): Promise<void> {
    await refuseUnreadable(
      () => tx`
        insert into account_secrets (account_id, shard, secret)
        select j ->> 0, (j ->> 1)::smallint, decode(j ->> 2, 'hex')
        from unnest(string_to_array(${text}, ${'\n'})) line
        cross join lateral (select line::json -> 'secret' as j) parsed`,
    )
  },

  async commands(tx: Sql, text: string): Promise<void> {
    await refuseUnreadable(
      () => tx`
        insert into management_commands (command_id, shard, request_hash, result, recorded_at)
        select j ->> 0, (j ->> 1)::smallint, j ->> 2, (j ->> 3)::jsonb, (j ->> 4)::timestamptz
        from unnest(string_to_array(${text}, ${'\n'})) line
        cross join lateral (select line::json -> 'command' as j) parsed`,
    )
  },
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

function checkedEnd(
  line: string,
  counts: { readonly events: number; readonly secrets: number; readonly commands: number },
  hash: Bun.CryptoHasher,
): BackupEnd {
  const end = parsed(line)?.end as BackupEnd | undefined
  if (!end) throw new RestoreRefused('cut_off', 'its last line is not whole')
  if (end.sha256 !== hash.digest('hex')) {
    throw new RestoreRefused('changed', 'its lines do not have the hash that its end says')
  }
  const same =
    end.events === counts.events &&
    end.secrets === counts.secrets &&
    end.commands === counts.commands
  if (!same) throw new RestoreRefused('cut_off', 'it does not have as many lines as its end says')
  return end
}

/** Checks that no shard has gaps: as many events as its last position. Then its head is the backup's. */
async function setHeads(tx: Sql, head: BackupHead): Promise<void> {
  for (const { shard, position, epoch, recordedAt } of head.shards) {
    const [row] = await tx<[{ events: number; last: number }]>`
      select count(*) as events, coalesce(max(position), 0)::bigint as last
      from events where shard = ${shard}`
    if (row.events !== position || row.last !== position) {
      throw new RestoreRefused('cut_off', `its shard ${shard} does not have all its events`)
    }
    // As text: a time that the client library reads has no microseconds.
    await tx`
      update heads h set position = ${position}, epoch = ${epoch}, recorded_at = ${recordedAt}::text::timestamptz,
        clock_at = ${recordedAt}::text::timestamptz,
        event_hash = coalesce((select e.event_hash from events e where e.position = ${position} and e.shard = h.shard), '')
      where h.shard = ${shard}`
    await tx`select enter_partition(${shard}::smallint)`
  }
  await tx`select extend_partitions()`
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
