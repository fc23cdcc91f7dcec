-- Reads in one query everything that the batch is decided by: one row for each command, ordered
-- by account and then as in the batch.
--
-- An account's own state comes with the first of its commands, and the loop carries it on, as the account. It is made up here,
-- because each expression of the loop costs a batch as much as a small look-up. What only a purchase is decided by
-- is not read where the account buys nothing in this batch. There the key that is sought is null, and PostgreSQL seeks nothing.
-- Each question stands in a lateral join with an `offset 0`, so that it is planned by itself: a search of an index, however empty
-- its table was then.
with commands as (
  select c.*, row_number() over account as nth_of_account, bool_or(c.kind in ({{purchases}})) over account as account_buys
  from (
    select nth, b.kind[nth] as kind, b.account_id[nth] as account_id, b.key_id[nth] as key_id, b.mode[nth] as mode,
      case
        when b.kind[nth] in ('charge_on_lease', 'void_on_lease') then b.payload[nth]::json ->> 'lease'
        when b.kind[nth] not in ('hold', 'lease', 'count', 'count_refused') then b.request_id[nth]
      end as hold_id
    -- Of a text array as it comes, an element is found by passing over those before it. These are taken apart, and go no further.
    from (
      select {{texts_taken_apart}}, v_count as count
      offset 0
    ) b, generate_series(1, b.count) nth
    offset 0
  ) c
  window account as (partition by c.account_id, c.mode order by c.nth rows between unbounded preceding and unbounded following)
)
select c.*,
  -- Of an extension of a hold from an earlier month: the hold's position. Months cut on the hold's time, so credits that
  -- were granted later, for a later month, cannot pay for the call.
  case when c.kind = 'extend' and m.month < v_month then h.position end as lots_before,
  b.version as account_version_now, b.frozen, b.budgets,
  -- A plan that the tariff does not know allows nothing, and gives nothing.
  coalesce(b.max_in_flight, v_plan_max_in_flight[b.plan], 0) as max_in_flight,
  (b.plan is not null and v_plan_credits[b.plan] is null) or b.terms_until > v_now as has_terms, b.terms_until,
  -- Where it stands among the tariff's plans.
  b.plan,
  coalesce(b.open_holds, 0) as in_flight, coalesce(b.debt, 0) as debt,
  -- The month's allowance that the first accepted purchase brings, and what of it repays the account's debt.
  due.credits as allowance_due, least(coalesce(b.debt, 0), due.credits) as debt_repaid,
  -- The free credits of live lots and the allowance due, less the account's debt. Below 0 nothing can be drawn.
  coalesce(l.total, 0) + due.credits - coalesce(b.debt, 0) as available,
  -- Live lots in draw order, and what is free of each.
  coalesce(l.lots, '{}') as lots, coalesce(l.free, '{}') as lot_free,
  k.version as key_version_now, k.enabled, k.revoked_at, k.expires_at as key_expires_at,
  k.previous_until, k.budgets as key_budgets, k.key_group, k.monthly_cap, m.month, c.key_id || m.month as cap_key,
  -- Most keys have none.
  case when k.monthly_cap is not null then cap_used(in_shard, c.account_id, c.key_id, m.month) end as cap_used,
  h.position as hold_position, h.endpoint as hold_endpoint, h.tariff as hold_tariff, h.quantity as hold_quantity,
  h.slots as hold_slots, h.credits as hold_credits, h.held_at, h.expires_at as hold_expires_at, h.lots as hold_lots, h.held as hold_held,
  h.sent_credits as hold_sent_credits, h.sent_quantity as hold_sent_quantity, h.budgets as hold_budgets
from commands c
left join lateral (
  select b.open_holds, b.debt, b.allowance_month, b.allowance_granted, b.terms_until, b.version, b.frozen or b.erased as frozen, b.max_in_flight,
    b.budgets, array_position(v_plans, b.plans[width_bucket(v_now, b.plan_starts)]) as plan
  from balances b
  where b.account_id = case when c.nth_of_account = 1 then c.account_id end and b.mode = c.mode and b.shard = in_shard
  offset 0
) b on true
left join lateral (
  select array_agg(l.lot) as lots, array_agg(l.free) as free, sum(l.free)::bigint as total
  from (
    -- In draw order. The question itself is in the order of the index, so that no other index is taken for it.
    select l.lot, l.free
    from (
      {{live_lots}}
    ) l
    order by l.rank, l.expires_at, l.lot
  ) l
) l on true
-- By its id alone: an account can have a thousand keys.
left join lateral (
  select k.account_id, k.mode, k.version, k.enabled, k.revoked_at, k.expires_at, k.previous_until, k.monthly_cap, k.budgets, k.key_group
  from key_state k
  where k.key_id = case when c.account_buys or c.kind in ('count', 'count_refused') then c.key_id end and k.shard = in_shard
  offset 0
) k on k.account_id = c.account_id and k.mode = c.mode
left join lateral (
  select h.* from open_holds h
  where h.hold_id = c.hold_id and h.shard = in_shard
    and h.account_id = c.account_id and h.key_id = c.key_id and h.mode = c.mode
  offset 0
) h on true
cross join lateral (
  select greatest(coalesce(v_plan_credits[b.plan], 0) - case when b.allowance_month = v_month then b.allowance_granted else 0 end, 0)
    as credits
) due
-- A call counts against its key's cap in the month of its hold.
cross join lateral (
  select case when h.held_at is null or c.kind = 'charge_on_lease' then v_month
    else date_trunc('month', h.held_at at time zone 'UTC')::date end as month
) m
order by c.account_id, c.mode, c.nth
