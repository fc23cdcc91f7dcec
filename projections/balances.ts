/**
 * Balances: the lots of an account, its open holds, and what else decides whether its calls are sold, in one row of the account and
 * mode.
 *
 * A lease counts as so many open holds as it has slots. A call on a lease ends with an event that holds and frees
 * nothing (`held` is null), so it leaves the lease as it is.
 */
import { countingTypes, lotMovingTypes, resolvingTypes, typesWith } from '../events/event-types.ts'
import { typeIn, typeNotIn } from '../events/type-condition.ts'
import { namesBudgets } from './budgets.ts'
import { notBelowZero } from './not-below-zero.ts'
import type { MappingStatement, Projection } from './projection.ts'

const accountTypes = typesWith('stream', 'account')

const makeLots: MappingStatement = {
  eventTypes: ['CreditsGranted'],
  sql: `insert into lots (lot, shard, account_id, mode, kind, starts_at, expires_at, granted, free, rollover_max)
       select position, shard, account_id, mode, payload ->> 'kind', (payload ->> 'startsAt')::timestamptz,
         coalesce((payload ->> 'expiresAt')::timestamptz, 'infinity'), credits, credits,
         (payload -> 'rollover' ->> 'max')::bigint
       from batch
       where type = 'CreditsGranted'`,
}

const makeBalances: MappingStatement = {
  eventTypes: ['AccountOpened'],
  sql: `insert into balances (account_id, mode, shard)
       select account_id, m.mode, shard
       from batch cross join (values ('live'), ('test')) m (mode)
       where type = 'AccountOpened'`,
}

const followAccounts: MappingStatement = {
  eventTypes: accountTypes,
  sql: `update balances b
       set version = change.version, frozen = coalesce(change.frozen, b.frozen), erased = b.erased or change.erased,
         max_in_flight = case when change.limits is null then b.max_in_flight else (change.limits ->> 'maxInFlight')::integer end,
         budgets = coalesce(change.budgets, b.budgets)
       from (
         select account_id, shard, max(stream_version) as version, bool_or(type = 'AccountErased') as erased,
           (array_agg(type = 'AccountFrozen' order by position desc) filter (where type in ('AccountFrozen', 'AccountUnfrozen')))[1] as frozen,
           (array_agg(payload order by position desc) filter (where type = 'AccountLimitsChanged'))[1] as limits,
           (array_agg((payload -> 'budgets')::jsonb order by position desc) filter (where type = 'AccountBudgetsChanged'))[1] as budgets
         from batch
         where ${typeIn(accountTypes)}
         group by account_id, shard
       ) change
       where b.account_id = change.account_id and b.shard = change.shard`,
}

/**
 * The plan in force at a time is the last decided of those that had started by then. So a plan is kept only while all that were decided
 * after it start later, and the list is in the order of both.
 */
const followPlans: MappingStatement = {
  eventTypes: ['PlanStarted'],
  sql: `update balances b
       set plans = change.plans, plan_starts = change.starts
       from (
         select account_id, mode, shard, array_agg(plan order by position) as plans, array_agg(starts_at order by position) as starts
         from (
           select *, min(starts_at) over (partition by account_id, mode, shard order by position
             rows between 1 following and unbounded following) as next_starts_at
           from (
             select b.account_id, b.mode, b.shard, earlier.nth - cardinality(b.plans) as position, earlier.plan, earlier.starts_at
             from (select distinct account_id, shard from batch where type = 'PlanStarted') e
             join balances b on b.account_id = e.account_id and b.shard = e.shard
             cross join lateral unnest(b.plans, b.plan_starts) with ordinality as earlier (plan, starts_at, nth)
             union all
             select account_id, m.mode, shard, position, payload ->> 'plan', (payload ->> 'from')::timestamptz
             from batch cross join (values ('live'), ('test')) m (mode)
             where type = 'PlanStarted'
           ) decided
         ) with_next
         where next_starts_at is null or starts_at < next_starts_at
         group by account_id, mode, shard
       ) change
       where b.account_id = change.account_id and b.mode = change.mode and b.shard = change.shard`,
}

/**
 * A debt grows by what is recorded and falls by what is repaid. Of the month's allowance, all grants add up. The last lot that has terms
 * of its own says until when there are any.
 */
const countDebtAndAllowance: MappingStatement = {
  eventTypes: ['CreditsGranted', 'DebtRecorded', 'CreditsAdjusted'],
  sql: `update balances b
       set debt = ${notBelowZero('b.debt + change.debt')},
         allowance_month = coalesce(change.month, b.allowance_month),
         allowance_granted = case
           when change.month is null then b.allowance_granted
           when change.month = b.allowance_month then b.allowance_granted + change.allowance
           else change.allowance
         end,
         terms_until = greatest(b.terms_until, change.terms_until)
       from (
         select account_id, mode, shard, max(month) as month,
           max((payload ->> 'expiresAt')::timestamptz) filter (where payload -> 'rollover' is not null or payload -> 'overage' is not null)
             as terms_until,
           sum(credits) filter (where month = last_month) as allowance,
           sum(case type when 'DebtRecorded' then credits when 'CreditsAdjusted' then -credits else 0 end) as debt
         from (
           select *, max(month) over (partition by account_id, mode, shard) as last_month
           from (
             select *, case when payload ->> 'kind' = 'allowance'
               then date_trunc('month', recorded_at at time zone 'UTC')::date end as month
             from batch
             where type = 'CreditsGranted' and payload ->> 'kind' in ('allowance', 'overage')
               or type = 'DebtRecorded'
               or type = 'CreditsAdjusted' and payload ->> 'repaysDebt' = 'true'
           ) with_month
         ) with_last_month
         group by account_id, mode, shard
       ) change
       where b.account_id = change.account_id and b.mode = change.mode and b.shard = change.shard`,
}

const openHolds: MappingStatement = {
  eventTypes: ['CreditsHeld'],
  skipsCompletedCalls: true,
  sql: `insert into open_holds (hold_id, shard, position, account_id, key_id, mode, endpoint, tariff, credits,
         quantity, slots, held_at, expires_at, instance, lots, held)
       select request_id, shard, position, account_id, key_id, mode, endpoint, tariff, credits,
         quantity, slots, recorded_at, recorded_at + make_interval(secs => (payload ->> 'holdSeconds')::integer),
         instance, lots, held
       from batch
       where type = 'CreditsHeld'`,
}

/** Nearly no hold counts in budgets. The last, beside others that are rare, so that they are asked for at once. */
const noteBudgets: MappingStatement = {
  eventTypes: ['CreditsHeld'],
  condition: namesBudgets,
  skipsCompletedCalls: true,
  sql: `update open_holds h
       set budgets = e.payload ->> 'budgets'
       from batch e
       where e.type = 'CreditsHeld' and strpos(e.payload::text, '"budgets"') > 0
         and h.hold_id = e.request_id and h.shard = e.shard`,
}

/** A lot that an extension draws on again stands in the hold once, where it was drawn on first. */
const extendHolds: MappingStatement = {
  eventTypes: ['HoldExtended'],
  skipsCompletedCalls: true,
  sql: `update open_holds h
       set credits = h.credits + extension.credits, quantity = h.quantity + extension.quantity,
         expires_at = greatest(h.expires_at, extension.expires_at),
         sent_credits = greatest(h.sent_credits, extension.sent_credits),
         sent_quantity = greatest(h.sent_quantity, extension.sent_quantity),
         lots = coalesce(draws.lots, h.lots), held = coalesce(draws.held, h.held)
       from (
         select shard, request_id, sum(credits) as credits, sum(quantity) as quantity,
           max(recorded_at + make_interval(secs => (payload ->> 'holdSeconds')::integer)) as expires_at,
           max((payload ->> 'sentCredits')::bigint) as sent_credits,
           max((payload ->> 'sentQuantity')::bigint) as sent_quantity
         from batch
         where type = 'HoldExtended'
         group by shard, request_id
       ) extension
       left join (
         select shard, hold_id, array_agg(lot order by first) as lots, array_agg(held order by first) as held
         from (
           select shard, hold_id, lot, sum(held)::bigint as held, min(array[position, nth]) as first
           from (
             -- What the hold drew before, as if at position 0, and what its extensions draw.
             select o.shard, o.hold_id, 0 as position, draw.nth, draw.lot, draw.held
             from (select distinct shard, request_id from batch where type = 'HoldExtended') extended
             join open_holds o on o.hold_id = extended.request_id and o.shard = extended.shard,
               unnest(o.lots, o.held) with ordinality as draw (lot, held, nth)
             union all
             select e.shard, e.request_id, e.position, draw.nth, draw.lot, draw.held
             from batch e, unnest(e.lots, e.held) with ordinality as draw (lot, held, nth)
             where e.type = 'HoldExtended'
           ) each_draw
           group by shard, hold_id, lot
         ) of_lot
         group by shard, hold_id
       ) draws on draws.shard = extension.shard and draws.hold_id = extension.request_id
       where h.hold_id = extension.request_id and h.shard = extension.shard`,
}

/** A call on a lease ends with an event that holds nothing, and closes no hold. */
const closeHolds: MappingStatement = {
  eventTypes: resolvingTypes,
  skipsCompletedCalls: true,
  sql: `delete from open_holds h
       using batch e
       where ${typeIn(resolvingTypes, 'e.type')} and e.held is not null
         and h.hold_id = e.request_id and h.shard = e.shard`,
}

const lapsingTypes = typesWith('moves', 'lapsed')

const moveCreditsOfLots: MappingStatement = {
  eventTypes: lotMovingTypes.filter((type) => !lapsingTypes.includes(type)),
  sql: `update lots l
       set held = ${notBelowZero('l.held + change.held')}, settled = ${notBelowZero('l.settled + change.settled')},
         refunded = l.refunded + change.refunded, adjusted = l.adjusted + change.adjusted,
         free = ${notBelowZero('l.free + change.refunded - change.adjusted - change.settled - change.held')}
       from (
         select shard, lots[n] as lot, total(held[n]) as held,
           total(moved[n]) filter (where ${typeIn(typesWith('moves', 'settled'))}) as settled,
           total(moved[n]) filter (where ${typeIn(typesWith('moves', 'refunded'))}) as refunded,
           total(moved[n]) filter (where ${typeIn(typesWith('moves', 'adjusted'))}) as adjusted
         from (
           select shard, type, lots, held, moved, generate_series(1, cardinality(lots)) as n
           from batch
           where lots is not null
         ) each_lot
         group by 1, 2
       ) change
       where l.lot = change.lot and l.shard = change.shard`,
}

/** Rare, so that calls do not pay for it. */
const lapseCreditsOfLots: MappingStatement = {
  eventTypes: lapsingTypes,
  sql: `update lots l
       set lapsed = l.lapsed + change.lapsed, free = ${notBelowZero('l.free - change.lapsed')}
       from (
         select shard, m.lot, total(m.moved) as lapsed
         from batch cross join lateral unnest(lots, moved) m (lot, moved)
         where ${typeIn(lapsingTypes)}
         group by 1, 2
       ) change
       where l.lot = change.lot and l.shard = change.shard`,
}

/** A lease counts as so many open holds as it has slots. */
const countOpenHolds: MappingStatement = {
  eventTypes: ['CreditsHeld', ...resolvingTypes],
  skipsCompletedCalls: true,
  sql: `update balances b
       set open_holds = ${notBelowZero('b.open_holds + change.opened')}
       from (
         select shard, account_id, mode,
           sum(case type when 'CreditsHeld' then 1 else -1 end * coalesce(slots, 1)) as opened
         from batch
         where ${typeIn(['CreditsHeld', ...resolvingTypes])} and held is not null
         group by shard, account_id, mode
       ) change
       where b.account_id = change.account_id and b.mode = change.mode and b.shard = change.shard
         and change.opened <> 0`,
}

export const balances: Projection = {
  name: 'balances',
  version: 8,
  mode: 'inline',
  eventFilter: `account_id is not null and ${typeNotIn([...countingTypes, ...typesWith('stream', 'key')])}`,
  tables: [
    // A lot is named by the position of its CreditsGranted.
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
      held bigint not null default 0,
      settled bigint not null default 0,
      refunded bigint not null default 0,
      lapsed bigint not null default 0,
      -- granted + refunded - adjusted - settled - lapsed - held
      free bigint not null,
      -- Of an allowance that is good after its month: how much of such lots is kept then; null: of another lot.
      rollover_max bigint,
      primary key (lot, shard)
    ) with (fillfactor = 70)`,
    `create index lots_by_account on lots (account_id, mode, expires_at, lot)`,
    // A hold is open as long as its row is here.
    `create table open_holds (
      hold_id text not null,
      shard smallint not null,
      position bigint not null,
      account_id text not null,
      key_id text not null,
      mode text not null,
      -- A lease is for calls of any endpoint. It has no endpoint and no quantity, and slots instead.
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
      -- What the client was sent so far, and what that costs, as the hold's extensions say; null where none does.
      sent_credits bigint,
      sent_quantity bigint,
      -- Those that it counts in, as its event names them.
      budgets text,
      primary key (hold_id, shard)
    )`,
    `create table balances (
      account_id text not null,
      mode text not null,
      shard smallint not null,
      open_holds integer not null default 0,
      debt bigint not null default 0,
      allowance_month date,
      allowance_granted bigint not null default 0,
      -- What decides of the account itself, so that an append finds it in the same row.
      version integer not null default 0,
      frozen boolean not null default false,
      erased boolean not null default false,
      max_in_flight integer,
      budgets jsonb,
      -- By when they start. The plan at a time is plans[width_bucket(time, plan_starts)].
      plans text[] not null default '{}',
      plan_starts timestamptz[] not null default '{}',
      -- When the last lot expires that is overage, or an allowance that is good after its month; null: none was.
      terms_until timestamptz,
      primary key (account_id, mode, shard)
    ) with (fillfactor = 70)`,
  ],
  apply: [
    makeBalances,
    followAccounts,
    followPlans,
    makeLots,
    countDebtAndAllowance,
    openHolds,
    extendHolds,
    closeHolds,
    moveCreditsOfLots,
    lapseCreditsOfLots,
    countOpenHolds,
    noteBudgets,
  ],
}
