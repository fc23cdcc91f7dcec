/**
 * Whether a shard's log is what a log has to be, event by event: positions without gaps and times that never
 * run backwards, every leaf hash what the event's fields give, no lot overdrawn and no debt negative at any
 * prefix, and every hold resolved at most once, by what holds it.
 *
 * Fields that a sound event has and this one lacks are taken for nothing: what was damaged is to be found,
 * and not to end the search. It is read once, range by range. What later ranges need to know of earlier ones (what is free and held of
 * every lot, which holds are open) is carried in temporary tables.
 */
import { connect, defaultSchema, type Sql } from '../ledger/connect.ts'
import { at, forMany } from './mapping.ts'
import { openWalk, type Progress } from './ranges.ts'

/** What is wrong, and at which event. */
export interface LogFault {
  readonly shard: number
  readonly position: number
  readonly fault: string
}

export interface LogVerdict {
  readonly shard: number
  /** The last position that was read. */
  readonly upTo: number
  /** How many faults there are, and the first of them. */
  readonly faulty: number
  readonly faults: readonly LogFault[]
}

export interface LogCheck {
  /** Reads on to the log's present end; answers what was found since the beginning. */
  advance(progress?: Progress): Promise<LogVerdict>
  close(): Promise<void>
}

export interface LogCheckOptions {
  readonly url: string
  readonly schema?: string | undefined
  readonly shard: number
  /** Faults to remember; the others are only counted. */
  readonly most: number
}

export async function openLogCheck(options: LogCheckOptions): Promise<LogCheck> {
  const { url, schema = defaultSchema, shard, most } = options
  const sql = connect({ url, schema, as: 'serving', max: 1 })
  const place = { tables: 'pg_temp', book: schema }
  const walk = openWalk()
  const faults: LogFault[] = []
  let [position, faulty] = [0, 0]
  try {
    await sql.unsafe(at(place, carried))
  } catch (error) {
    await sql.end({ timeout: 5 })
    throw error
  }

  return {
    async advance(progress = () => {}) {
      const [head] = await sql<{ position: number }[]>`
        select position from heads where shard = ${shard}`
      const end = head?.position ?? 0
      while (position < end) {
        const [after, upTo] = [position, Math.min(position + walk.size, end)]
        await walk.step(async () => {
          const found = await readRange(sql, place, { shard, after, upTo })
          faulty += found.length
          faults.push(...found.slice(0, Math.max(most - faults.length, 0)))
        })
        position = upTo
        progress('log', end, position)
      }
      return { shard, upTo: position, faulty, faults }
    },
    close: () => sql.end({ timeout: 5 }),
  }
}

const carried = [
  `create table carried_lots (lot bigint primary key, free bigint not null, held bigint not null)`,
  `create table carried_holds (request_id text primary key, held bigint not null)`,
  `create table carried_debts (account_id text collate "C", mode text, debt bigint not null,
    primary key (account_id, mode))`,
  `create table faults (position bigint not null, fault text not null)`,
  `create table before (recorded_at timestamptz not null)`,
]

interface Range {
  readonly shard: number
  readonly after: number
  readonly upTo: number
}

async function readRange(
  sql: Sql,
  place: { readonly tables: string; readonly book: string },
  range: Range,
): Promise<LogFault[]> {
  const events = `events where shard = ${range.shard} and position > ${range.after} and position <= ${range.upTo}`
  const results = await sql.unsafe(
    at(place, [
      ...forMany,
      ...neighbours(events, range),
      ...lots(events),
      ...debts(events),
      ...holds(events),
      `delete from faults returning position, fault`,
    ]),
  )
  const found = (results as unknown as { position: number; fault: string }[][]).at(-1) ?? []
  return [...found]
    .map(({ position, fault }) => ({ shard: range.shard, position, fault }))
    .sort((a, b) => a.position - b.position)
}

/** Each event against the one before it, and its leaf hash against its fields. */
function neighbours(events: string, { shard, after, upTo }: Range): string[] {
  const last = `events where shard = ${shard} and position = ${upTo}`
  return [
    `insert into faults
     select position, unnest(array_remove(array[
       case when position <> before + 1 then format('the position before it is %s', before)
         when recorded_at < recorded_before then 'it was recorded before the event before it' end,
       case when changed then 'its leaf hash is not that of its fields' end], null))
     from (
       select position, lag(position, 1, ${after}::bigint) over w as before, recorded_at,
         lag(recorded_at, 1, (select recorded_at from before)) over w as recorded_before, changed
       from (
         select position, recorded_at,
           leaf is distinct from leaf_hash(shard, position, recorded_at, occurred_at, type, type_version,
             stream_version, account_id, key_id, mode, request_id, endpoint, tariff, credits, quantity, status,
             latency_ms, lots, held, moved, actor, instance, payload, private) as changed
         from ${events}
       ) hashed window w as (order by position)
     ) neighbours
     where position <> before + 1 or recorded_at < recorded_before or changed
     union all
     select ${upTo}, 'the log has no such event' where not exists (select from ${last})`,
    `delete from before`,
    `insert into before select recorded_at from ${last}`,
  ]
}

/** By how much an event changes what is free of a lot. */
function freed(type: string, moved: string, held: string): string {
  return `coalesce(${moved}, 0) * case ${type} when 'ChargeRefunded' then 1 when 'HoldSettled' then -1
    when 'CreditsAdjusted' then -1 else 0 end - coalesce(${held}, 0)`
}

/** What every event does to a lot: what is free of it, what is held, and whether it is the grant. */
function lots(events: string): string[] {
  const changes = `
    select position, position as lot, coalesce(credits, 0) as free, 0 as held, true as granted
    from ${events} and type = 'CreditsGranted'
    union all
    select position, coalesce(lots[n], -1), ${freed('type', 'moved[n]', 'held[n]')}, coalesce(held[n], 0), false
    from (
      select position, type, lots, held, moved,
        generate_series(1, greatest(cardinality(lots), cardinality(held), cardinality(moved))) as n
      from ${events} and lots is not null
    ) each`
  return [
    `create table changes as ${changes}`,
    `insert into faults
     select position, case
       when not known then format('lot %s was never granted', lot)
       when free < 0 then format('%s credits more than lot %s has are taken from it', -free, lot)
       else format('%s credits more than are held of lot %s are freed', -held, lot)
     end
     from (
       select c.position, c.lot, l.lot is not null or bool_or(c.granted) over w as known,
         coalesce(l.free, 0) + sum(c.free) over w as free, coalesce(l.held, 0) + sum(c.held) over w as held
       from changes c left join carried_lots l on l.lot = c.lot
       window w as (partition by c.lot order by c.position)
     ) running
     where free < 0 or held < 0 or not known`,
    `insert into carried_lots as l
     select lot, sum(free), sum(held) from changes group by lot
     on conflict (lot) do update set free = l.free + excluded.free, held = l.held + excluded.held`,
    `drop table changes`,
  ]
}

function debts(events: string): string[] {
  const changes = `create table changes as
    select position, coalesce(account_id, '') collate "C" as account_id, coalesce(mode, '') as mode,
      coalesce(credits, 0) * case type when 'DebtRecorded' then 1 else -1 end as debt
    from ${events} and (type = 'DebtRecorded' or type = 'CreditsAdjusted' and payload ->> 'repaysDebt' = 'true')`
  return [
    changes,
    `insert into faults
     select position, format('%s credits more than are owed are repaid', -debt)
     from (
       select c.position, coalesce(d.debt, 0) + sum(c.debt) over (
         partition by c.account_id, c.mode order by c.position) as debt
       from changes c left join carried_debts d using (account_id, mode)
     ) running
     where debt < 0`,
    `insert into carried_debts as d
     select account_id, mode, sum(debt) from changes group by account_id, mode
     on conflict (account_id, mode) do update set debt = d.debt + excluded.debt`,
    `drop table changes`,
  ]
}

/**
 * A hold is open from its CreditsHeld to what resolves it, which frees exactly what it holds. Between the two, what
 * ran on a standing hold names it (`RunOn` here) and frees nothing. Most holds are held and resolved within the range,
 * by two events that agree; only the others are looked at event by event.
 */
function holds(events: string): string[] {
  const resolving = `('HoldSettled', 'HoldReleased', 'HoldExpired')`
  const ofHolds = `
    select position, case when hold is null then type else 'RunOn' end as type,
      coalesce(hold, request_id, '') collate "C" as request_id, coalesce(credits, 0) as credits,
      case cardinality(held) when 1 then held[1] else (select coalesce(sum(h), 0) from unnest(held) h) end as held
    from (
      select *, case when held is null and type in ('HoldSettled', 'HoldReleased') then payload ->> 'hold' end as hold
      from ${events} and type in ('CreditsHeld', 'HoldExtended', 'HoldSettled', 'HoldReleased', 'HoldExpired')
    ) e`
  return [
    `create table unpaired as
     select request_id from (${ofHolds}) e
     group by 1
     having count(*) <> 2
       or min(position) filter (where type = 'CreditsHeld') >= max(position) filter (where type in ${resolving}) is not false
       or sum(held) <> 0
       or max(credits) filter (where type = 'HoldSettled') > sum(held) filter (where type = 'CreditsHeld')
       or request_id in (select request_id from carried_holds)`,
    `create table changes as
     select * from (${ofHolds}) e where request_id = any(array(select request_id from unpaired))`,
    `create table running as
     select c.position, c.type, c.request_id, c.credits, c.held as change,
       row_number() over w = 1 and h.request_id is not null
         or lag(c.type) over w in ('CreditsHeld', 'HoldExtended', 'RunOn') as was_open,
       coalesce(h.held, 0) + sum(c.held) over w as held, lead(c.position) over w is null as last
     from changes c left join carried_holds h on h.request_id = c.request_id
     window w as (partition by c.request_id order by c.position)`,
    `insert into faults
     select position, case
       when type = 'CreditsHeld' then format('the hold %s is open already', request_id)
       when was_open is not true then format('the hold %s is not open', request_id)
       when held <> 0 then format('%s credits of the hold %s stay held', held, request_id)
       else format('%s credits are charged, and %s were held', credits, -change)
     end
     from running
     where type = 'CreditsHeld' and was_open
       or type <> 'CreditsHeld' and was_open is not true
       or type in ${resolving} and held <> 0
       or type = 'HoldSettled' and credits > -change`,
    `delete from carried_holds h using running r where r.request_id = h.request_id`,
    `insert into carried_holds
     select request_id, held from running where last and type not in ${resolving}`,
    `drop table unpaired, changes, running`,
  ]
}
