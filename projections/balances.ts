/**
 * Balances: the lots of an account, its open holds, and what else decides whether it can buy.
 *
 * A lease counts as so many open holds as it has slots. A call on a lease ends with an event that holds and frees
 * nothing (`held` is null), so it leaves the lease as it is.
 */
import { countingTypes, lotMovingTypes, resolvingTypes, typesWith } from '../events/event-types.ts'
import { typeIn, typeNotIn } from '../events/type-condition.ts'
import type { Projection } from './projection.ts'

export const balances: Projection = {
  name: 'balances',
  version: 2,
  mode: 'inline',
  eventFilter: `account_id is not null and stream_version is null and ${typeNotIn(countingTypes)}`,
  tables: [
    // A lot is named by the position of its CreditsGranted. The checks are a backstop: the append
    // decides before it writes.
    `create table lots (
      lot bigint not null,
      shard smallint not null,
      account_id text not null,
      mode text not null,
      kind text not null,
      starts_at timestamptz not null,
      expires_at timestamptz not null default 'infinity',
      granted bigint not null,
      adjusted bigint not null default 0,
      held bigint not null default 0 check (held >= 0),
      settled bigint not null default 0 check (settled >= 0),
      refunded bigint not null default 0,
      check (granted + refunded - adjusted - settled - held >= 0),
      primary key (lot, shard)
    ) with (fillfactor = 70)`,
    `create index lots_by_account on lots (account_id, mode, expires_at, lot)`,
    // A hold is open while its row is here: inserted by the hold, deleted by what resolves it.
    `create table open_holds (
      hold_id text not null,
      shard smallint not null,
      position bigint not null,
      account_id text not null,
      key_id text not null,
      mode text not null,
      -- Null for a lease, which is for calls of any endpoint; a lease has slots instead.
      endpoint text,
      tariff text not null,
      credits bigint not null,
      quantity bigint,
      slots integer,
      held_at timestamptz not null,
      expires_at timestamptz not null,
      instance text not null,
      lots bigint[] not null,
      held bigint[] not null,
      primary key (hold_id, shard)
    )`,
    `create table balances (
      account_id text not null,
      mode text not null,
      shard smallint not null,
      open_holds integer not null default 0 check (open_holds >= 0),
      debt bigint not null default 0 check (debt >= 0),
      allowance_month date,
      allowance_granted bigint not null default 0,
      primary key (account_id, mode, shard)
    ) with (fillfactor = 70)`,
  ],
  apply: [
    {
      eventTypes: ['CreditsGranted'],
      sql: `insert into lots (lot, shard, account_id, mode, kind, starts_at, expires_at, granted)
       select position, shard, account_id, mode, payload ->> 'kind', (payload ->> 'startsAt')::timestamptz,
         coalesce((payload ->> 'expiresAt')::timestamptz, 'infinity'), credits
       from batch
       where type = 'CreditsGranted'`,
    },
    {
      eventTypes: ['CreditsGranted', 'DebtRecorded'],
      sql: `insert into balances (account_id, mode, shard)
       select distinct account_id, mode, shard
       from batch
       where ${typeIn(['CreditsGranted', 'DebtRecorded'])}
       on conflict (account_id, mode, shard) do nothing`,
    },
    {
      eventTypes: ['CreditsGranted', 'DebtRecorded', 'CreditsAdjusted'],
      sql: `update balances b
       set debt = b.debt + d.debt,
         allowance_month = coalesce(d.month, b.allowance_month),
         allowance_granted = case
           when d.month is null then b.allowance_granted
           when d.month = b.allowance_month then b.allowance_granted + d.allowance
           else d.allowance
         end
       from (
         select account_id, mode, shard, max(month) as month,
           sum(credits) filter (where month = last_month) as allowance,
           sum(case type when 'DebtRecorded' then credits when 'CreditsAdjusted' then -credits else 0 end) as debt
         from (
           select *, max(month) over (partition by account_id, mode, shard) as last_month
           from (
             select *, case when type = 'CreditsGranted'
               then date_trunc('month', recorded_at at time zone 'UTC')::date end as month
             from batch
             where type = 'CreditsGranted' and payload ->> 'kind' = 'allowance'
               or type = 'DebtRecorded'
               or type = 'CreditsAdjusted' and payload ->> 'repaysDebt' = 'true'
           ) of_month
         ) of_account
         group by account_id, mode, shard
       ) d
       where b.account_id = d.account_id and b.mode = d.mode and b.shard = d.shard`,
    },
    {
      eventTypes: ['CreditsHeld'],
      skipsCompletedCalls: true,
      sql: `insert into open_holds (hold_id, shard, position, account_id, key_id, mode, endpoint, tariff, credits,
         quantity, slots, held_at, expires_at, instance, lots, held)
       select request_id, shard, position, account_id, key_id, mode, endpoint, tariff, credits, quantity, slots, recorded_at,
         recorded_at + make_interval(secs => (payload ->> 'holdSeconds')::integer), instance, lots, held
       from batch
       where type = 'CreditsHeld'`,
    },
    // A lot that an extension draws on again stands in the hold once, where it was drawn on first.
    {
      eventTypes: ['HoldExtended'],
      skipsCompletedCalls: true,
      sql: `update open_holds h
       set credits = h.credits + e.credits, quantity = h.quantity + e.quantity,
         expires_at = greatest(h.expires_at, e.expires_at),
         lots = coalesce(d.lots, h.lots), held = coalesce(d.held, h.held)
       from (
         select shard, request_id, sum(credits) as credits, sum(quantity) as quantity,
           max(recorded_at + make_interval(secs => (payload ->> 'holdSeconds')::integer)) as expires_at
         from batch
         where type = 'HoldExtended'
         group by shard, request_id
       ) e
       left join (
         select shard, hold_id, array_agg(lot order by first) as lots, array_agg(held order by first) as held
         from (
           select shard, hold_id, lot, sum(held)::bigint as held, min(array[position, nth]) as first
           from (
             select o.shard, o.hold_id, 0 as position, u.nth, u.lot, u.held
             from (select distinct shard, request_id from batch where type = 'HoldExtended') b
             join open_holds o on o.hold_id = b.request_id and o.shard = b.shard,
               unnest(o.lots, o.held) with ordinality as u (lot, held, nth)
             union all
             select b.shard, b.request_id, b.position, u.nth, u.lot, u.held
             from batch b, unnest(b.lots, b.held) with ordinality as u (lot, held, nth)
             where b.type = 'HoldExtended'
           ) draws
           group by shard, hold_id, lot
         ) drawn
         group by shard, hold_id
       ) d on d.shard = e.shard and d.hold_id = e.request_id
       where h.hold_id = e.request_id and h.shard = e.shard`,
    },
    {
      eventTypes: resolvingTypes,
      skipsCompletedCalls: true,
      sql: `delete from open_holds h
       using batch b
       where ${typeIn(resolvingTypes, 'b.type')} and b.held is not null
         and h.hold_id = b.request_id and h.shard = b.shard`,
    },
    {
      eventTypes: lotMovingTypes,
      sql: `update lots l
       set held = l.held + d.held, settled = l.settled + d.settled, refunded = l.refunded + d.refunded,
         adjusted = l.adjusted + d.adjusted
       from (
         select shard, lots[n] as lot, total(held[n]) as held,
           total(moved[n]) filter (where ${typeIn(typesWith('moves', 'settled'))}) as settled,
           total(moved[n]) filter (where ${typeIn(typesWith('moves', 'refunded'))}) as refunded,
           total(moved[n]) filter (where ${typeIn(typesWith('moves', 'adjusted'))}) as adjusted
         from (
           select shard, type, lots, held, moved, generate_series(1, cardinality(lots)) as n
           from batch
           where lots is not null
         ) each
         group by 1, 2
       ) d
       where l.lot = d.lot and l.shard = d.shard`,
    },
    {
      eventTypes: ['CreditsHeld', ...resolvingTypes],
      skipsCompletedCalls: true,
      sql: `update balances l
       set open_holds = l.open_holds + d.opened
       from (
         select shard, account_id, mode, sum(case type when 'CreditsHeld' then 1 else -1 end
           * coalesce(slots, 1)) as opened
         from batch
         where ${typeIn(['CreditsHeld', ...resolvingTypes])} and held is not null
         group by shard, account_id, mode
       ) d
       where l.account_id = d.account_id and l.mode = d.mode and l.shard = d.shard and d.opened <> 0`,
    },
  ],
}
