/**
 * Rules of a log's credits: no lot is overdrawn and no debt is negative at any prefix of the log, and every hold is
 * resolved at most once, by an event that frees exactly what it holds. Whatever happens to a hold names the account, key,
 * tariff, endpoint, slots and time that it was taken with, and what runs on a lease its account and key.
 *
 * Most events need not be looked at one by one. A call that begins and ends within the range, on one lot and by
 * events that agree, leaves that lot's credits and its own hold as they should be. A lot that would suffice even if
 * nothing came back to it within the range is not overdrawn in between. Only the other calls and lots are suspect,
 * and they are followed event by event.
 */
import type { CatalogueEntry } from '../../../events/catalogue-entry.ts'
import {
  countingTypes,
  drawingTypes,
  holdTypes,
  resolvingTypes,
  typesWith,
} from '../../../events/event-types.ts'
import { typeIn, typeList, typeNotIn } from '../../../events/type-condition.ts'
import { endWeight } from '../apply-range.ts'
import type { LogRules } from './log-check.ts'

export const creditRules: LogRules = {
  name: 'credits',
  carryOver: [
    'create table carry_over_lots (lot bigint primary key, free bigint not null, held bigint not null)',
    `create table carry_over_holds (request_id text primary key, held bigint not null, owner bigint, terms bigint)`,
    `create table carry_over_debts (account_id text collate "C", mode text, debt bigint not null,
      primary key (account_id, mode))`,
  ],
  checkRange: (events) => [
    readRange(events),
    ...checkHolds,
    ...checkLots,
    ...checkDebts,
    'drop table range_events, suspect_events',
  ],
}

const opens = (column: string) => typeIn(typesWith('hold', 'opens'), column)
const resolves = (column: string) => typeIn(resolvingTypes, column)
const settles = (column: string) => typeIn(typesWith('moves', 'settled'), column)

/**
 * What the rules need of the range's events, for the log's rows are wide. An event of a call has a `part` in it: its
 * type, or `OnLease` if the call ran on a lease, whose id then stands in `request_id`. If the event touches one lot,
 * that is in `lot`, and `held` and `free` say what becomes of it; all other events have theirs in `lots`, `helds` and
 * `moveds`.
 */
function readRange(events: string): string {
  // What is taken out of an array is taken out once: OFFSET keeps the expressions apart.
  return `create table range_events as
    select position, type, case when of_call then case when lease is null then type else 'OnLease' end end as part,
      coalesce(lease, request_id, '') collate "C" as request_id, coalesce(credits, 0) as credits, several,
      case when of_call then hash_record_extended(row(account_id, key_id, mode), 0) end as owner,
      -- What runs on a lease has terms of its own.
      case when of_call and lease is null
        then hash_record_extended(row(tariff, endpoint, slots, occurred_at), 0) end as terms,
      case when of_call and lots is not null and touched = 1 then coalesce(lot, -1) end as lot,
      case when of_call and not several then held1 end as held,
      case when of_call and not several then ${freedCredits('moved1', 'held1')} end as free,
      case when several or not of_call then lots end as lots,
      case when several or not of_call then held end as helds,
      case when several or not of_call then moved end as moveds,
      case when not of_call then coalesce(account_id, '') end collate "C" as account_id,
      case when not of_call then coalesce(mode, '') end as mode,
      case when ${typeIn(typesWith('debt', 'repays'))} then payload ->> 'repaysDebt' = 'true' end as repays_debt
    from (
      select *, coalesce(touched > 1, false) as several
      from (
        select position, type, ${typeIn(holdTypes)} as of_call, request_id, credits, lots, held, moved,
          account_id, key_id, mode, tariff, endpoint, slots, occurred_at, payload, lots[1] as lot, held[1] as held1, moved[1] as moved1,
          greatest(cardinality(lots), cardinality(held), cardinality(moved)) as touched,
          case when held is null and ${typeIn(typesWith('onLease'))} then payload ->> 'lease' end as lease
        from ${events} and (${typeNotIn(countingTypes)} or lots is not null)
        offset 0
      ) taken
    ) e`
}

/** By how much credits that an event moves change what is free of a lot. */
const freedByMove: Readonly<Record<NonNullable<CatalogueEntry['moves']>, 1 | -1>> = {
  settled: -1,
  refunded: 1,
  adjusted: -1,
}

/** By how much an event changes what is free of a lot. */
function freedCredits(moved: string, held: string): string {
  const signs = Object.entries(freedByMove).flatMap(([moves, sign]) =>
    typesWith('moves', moves as keyof typeof freedByMove).map(
      (type) => `when '${type}' then ${sign}`,
    ),
  )
  return `case when ${moved} is null then 0 else ${moved} * case type ${signs.join(' ')} else 0 end end
    - coalesce(${held}, 0)`
}

/** Credits of which the sum over a range's events still fits into a bigint. */
const maxSummable = 1e11

/** What runs on a lease has no terms to compare. */
const isOfAnother = `(owner is distinct from hold_owner or terms is distinct from hold_terms and type <> 'OnLease')`

/** A hold is open from the event that opens it to the event that resolves it. Leaves the suspect calls' events. */
const checkHolds: readonly string[] = [
  // A sound call begins once, first, and ends once, last, and what it holds is freed. Whatever is out of the ordinary
  // counts more than a beginning and an end together. An edge is a position that also says whether the call begins (1)
  // or ends (2) there.
  `create table suspect_calls as
   select request_id
   from (
     select request_id, lot, weight, owner, terms,
       position * 4 + case weight when 1 then 1 when ${endWeight} then 2 else 0 end as edge,
       case when held between -${maxSummable} and ${maxSummable} then held end as held
     from (
       select request_id, position, held, lot, owner, terms,
         case when ${opens('part')} then 1 when ${resolves('part')} then ${endWeight} else 0 end
           + case when several or (held is null) <> (lot is null) and part <> 'OnLease'
               or (held < 0) = (${typeIn(drawingTypes, 'part')}) or held not between -${maxSummable} and ${maxSummable}
               or ${resolves('part')} and credits > coalesce(-held, 0)
               then 2 * ${endWeight} else 0 end as weight
       from range_events
       where part is not null
       offset 0
     ) weighed
     offset 0
   ) calls
   group by 1
   having sum(weight) <> 1 + ${endWeight} or mod(min(edge), 4) <> 1 or mod(max(edge), 4) <> 2
     or total(held) <> 0 or min(lot) <> max(lot)
     or min(owner) <> max(owner) or min(terms) <> max(terms)
     or request_id in (select request_id from carry_over_holds)`,
  `create table suspect_events as
   select position, part as type, request_id, credits, lot, owner, terms,
     case when several then (select coalesce(sum(h), 0) from unnest(helds) h) else coalesce(held, 0) end as held
   from range_events where part is not null and request_id in (select request_id from suspect_calls)`,
  `create table running as
   select position, type, request_id, credits, change, was_open, held, last, owner, terms,
     -- Of the event that opened the hold, in this range or before it.
     case when opened > 0 then first_value(owner) over opening else h_owner end as hold_owner,
     case when opened > 0 then first_value(terms) over opening else h_terms end as hold_terms
   from (
     select s.position, s.type, s.request_id, s.credits, s.held as change, s.owner, s.terms,
       h.owner as h_owner, h.terms as h_terms,
       row_number() over w = 1 and h.request_id is not null
         or lag(s.type) over w in (${typeList(drawingTypes)}, 'OnLease') as was_open,
       coalesce(h.held, 0) + sum(s.held) over w as held, lead(s.position) over w is null as last,
       count(*) filter (where ${opens('s.type')}) over w as opened
     from suspect_events s left join carry_over_holds h on h.request_id = s.request_id
     window w as (partition by s.request_id order by s.position)
   ) followed
   window opening as (partition by request_id, opened order by position)`,
  `insert into faults
   select position, case
     when ${opens('type')} then format('the hold %s is open already', request_id)
     when was_open is not true then format('the hold %s is not open', request_id)
     when ${isOfAnother} then format('the hold %s is of another account, key, tariff, endpoint, size or time', request_id)
     when held <> 0 then format('%s credits of the hold %s stay held', held, request_id)
     else format('%s credits are charged, and the hold %s has %s', credits, request_id, -change)
   end
   from running
   where ${opens('type')} and was_open
     or not ${opens('type')} and (was_open is not true or ${isOfAnother})
     or ${resolves('type')} and held <> 0
     or ${settles('type')} and credits > -change`,
  `delete from carry_over_holds h using running r where r.request_id = h.request_id`,
  `insert into carry_over_holds
   select request_id, held, hold_owner, hold_terms from running where last and not ${resolves('type')}`,
  `drop table suspect_calls, running`,
]

const ofOneLot = 'select position, lot, free, coalesce(held, 0) as held, false as granted'

/** What every event does to a lot: what is free of it, and what is held. */
const checkLots: readonly string[] = [
  `create table others as
   ${ofOneLot}
   from (
     select position, coalesce(lots[n], -1) as lot, ${freedCredits('moved[n]', 'held[n]')} as free, held[n] as held
     from (
       select position, type, lots, helds as held, moveds as moved,
         generate_series(1, greatest(cardinality(lots), cardinality(helds), cardinality(moveds))) as n
       from range_events where lots is not null
     ) each
   ) of_lot
   union all
   select position, position, credits, 0, true from range_events where ${typeIn(typesWith('lot', 'grants'))}`,
  `create table touched as
   select lot, sum(free) as free, coalesce(sum(held), 0) as held, sum(least(free, 0)) as taken
   from (
     select lot, free, held from range_events where lot is not null
     union all
     select lot, free, held from others
   ) each
   group by lot`,
  `create table suspect_lots as
   select lot from touched t left join carry_over_lots l using (lot) where l.lot is null or l.free + t.taken < 0
   union
   select lot from others where held <> 0
   union
   select lot from suspect_events where lot is not null`,
  `insert into faults
   select position, case
     when not known then format('lot %s was never granted', lot)
     when free < 0 then format('%s credits more than lot %s has are taken from it', -free, lot)
     else format('%s credits more than are held of lot %s are freed', -held, lot)
   end
   from (
     select c.position, c.lot, l.lot is not null or bool_or(c.granted) over w as known,
       coalesce(l.free, 0) + sum(c.free) over w as free, coalesce(l.held, 0) + sum(c.held) over w as held
     from (
       ${ofOneLot} from range_events where lot in (select lot from suspect_lots)
       union all
       -- Also of lots that are not suspect: nothing here can make a fault of those.
       table others
     ) c left join carry_over_lots l on l.lot = c.lot
     window w as (partition by c.lot order by c.position)
   ) running
   where free < 0 or held < 0 or not known`,
  `insert into carry_over_lots as l
   select lot, free, held from touched
   on conflict (lot) do update set free = l.free + excluded.free, held = l.held + excluded.held`,
  'drop table others, touched, suspect_lots',
]

const checkDebts: readonly string[] = [
  `create table changes as
   select position, account_id, mode, case when repays_debt then -credits else credits end as debt
   from range_events
   where ${typeIn(typesWith('debt', 'adds'))} or repays_debt`,
  `insert into faults
   select position, format('%s credits more than are owed are repaid', -debt)
   from (
     select c.position, coalesce(d.debt, 0) + sum(c.debt) over (
       partition by c.account_id, c.mode order by c.position) as debt
     from changes c left join carry_over_debts d using (account_id, mode)
   ) running
   where debt < 0`,
  `insert into carry_over_debts as d
   select account_id, mode, sum(debt) from changes group by account_id, mode
   on conflict (account_id, mode) do update set debt = d.debt + excluded.debt`,
  'drop table changes',
]
