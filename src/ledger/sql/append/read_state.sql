-- Reads in one query everything that the batch is decided by: one row for each command, ordered
-- by account and then as in the batch.
--
-- An account's own state comes with the first of its commands, and the loop carries it on. What only a purchase is decided by
-- is not read where the account buys nothing in this batch. The conditions that say so stand inside each lateral join's query,
-- where PostgreSQL tests them first; as the condition of the join they would be tested last.
with commands as (
  select c.*, row_number() over account as nth_of_account,
    bool_or(c.kind in ({{purchases}})) over (account rows between unbounded preceding and unbounded following) as account_buys
  from (
    select u.*,
      case when u.kind in ('charge_on_lease', 'void_on_lease') then in_payload[u.nth]::json ->> 'lease'
        else u.request_id end as hold_id
    from unnest({{parameters_read}}) with ordinality as u ({{columns_read}}, nth)
  ) c
  window account as (partition by c.account_id, c.mode order by c.nth)
)
select c.*, s.version as account_version_now, s.frozen or s.erased as frozen,
  coalesce(s.max_in_flight, p.max_in_flight) as max_in_flight, coalesce(b.open_holds, 0) as in_flight,
  coalesce(b.debt, 0) as debt,
  coalesce(greatest(p.credits - case when b.allowance_month = v_month then b.allowance_granted else 0 end, 0), 0)
    as allowance_due,
  l.lots, l.free, l.ranks, coalesce(l.total, 0) as total,
  k.version as key_version_now, k.enabled, k.revoked_at, k.expires_at as key_expires_at,
  k.previous_until, k.monthly_cap, m.month, c.key_id || m.month as cap_key,
  -- Most keys have none.
  case when k.monthly_cap is not null then cap_used(in_shard, c.account_id, c.key_id, m.month) end as cap_used,
  h.position as hold_position, h.endpoint as hold_endpoint, h.tariff as hold_tariff, h.quantity as hold_quantity,
  h.slots as hold_slots, h.credits as hold_credits, h.held_at, h.expires_at as hold_expires_at, h.lots as hold_lots, h.held as hold_held,
  h.sent_credits as hold_sent_credits, h.sent_quantity as hold_sent_quantity
from commands c
left join lateral (
  select s.version, s.frozen, s.erased, s.max_in_flight from account_state s
  where c.nth_of_account = 1 and c.account_buys and s.account_id = c.account_id and s.shard = in_shard limit 1
) s on true
left join lateral (
  select tp.credits, tp.max_in_flight
  from (
    {{plan_in_force}}
  ) plan
  join tariff_plans tp on tp.hash = v_tariff and tp.plan = plan.plan and tp.shard = in_shard
  where c.nth_of_account = 1 limit 1
) p on true
left join lateral (
  select b.open_holds, b.debt, b.allowance_month, b.allowance_granted from balances b
  where c.nth_of_account = 1 and b.account_id = c.account_id and b.mode = c.mode and b.shard = in_shard limit 1
) b on true
left join lateral (
  select array_agg(l.lot) as lots, array_agg(l.free) as free, array_agg(l.rank) as ranks, sum(l.free)::bigint as total
  from (
    {{live_lots}}
  ) l
  where c.nth_of_account = 1
) l on true
-- By its id alone: an account can have a thousand keys.
left join lateral (
  select k.account_id, k.mode, k.version, k.enabled, k.revoked_at, k.expires_at, k.previous_until, k.monthly_cap
  from key_state k
  where (c.account_buys or c.kind in ('count', 'count_refused')) and k.key_id = c.key_id and k.shard = in_shard limit 1
) k on k.account_id = c.account_id and k.mode = c.mode
left join lateral (
  select h.* from open_holds h
  where c.kind not in ('hold', 'lease', 'count', 'count_refused') and h.hold_id = c.hold_id and h.shard = in_shard
    and h.account_id = c.account_id and h.key_id = c.key_id and h.mode = c.mode limit 1
) h on true
-- A call counts against its key's cap in the month of its hold.
cross join lateral (
  select case when h.held_at is null or c.kind = 'charge_on_lease' then v_month
    else date_trunc('month', h.held_at at time zone 'UTC')::date end as month
) m
order by c.account_id, c.mode, c.nth
