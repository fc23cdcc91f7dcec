-- An account's present balance of one mode, from one consistent read. Of overage nothing can be drawn while more is owed than the allowance
-- that is due repays.
drop function if exists balance_of(text, text);
create or replace function balance_of(in_account text, in_mode text) returns table (
  shard smallint, month text, debt bigint, allowance_granted bigint, allowance_due bigint, overage_due bigint,
  month_settled numeric, month_refunded numeric, month_calls numeric, lots jsonb
)
language sql stable as $$
  with clock as materialized (
    select now, date_trunc('month', now at time zone 'UTC')::date as month
    from (select ledger_now() as now) t
  )
  select a.shard, to_char(clock.month, 'YYYY-MM'), coalesce(b.debt, 0),
    case when b.allowance_month = clock.month then b.allowance_granted else 0 end,
    due.credits,
    case when owed.stops_overage then 0 else coalesce(overage_due(a.shard, clock.now, a.account_id, in_mode), 0) end,
    m.settled, m.refunded, m.calls, l.lots
  from account_state a
  cross join clock
  left join balances b on b.account_id = a.account_id and b.mode = in_mode and b.shard = a.shard
  cross join lateral (
    select greatest(coalesce(allowance_due(a.shard, clock.now, a.account_id, in_mode), 0), 0) as credits
  ) due
  cross join lateral (select coalesce(b.debt, 0) > due.credits as stops_overage) owed
  cross join lateral month_charges(a.shard, a.account_id, null, in_mode, clock.month) m
  cross join lateral (
    select coalesce(jsonb_agg(
      jsonb_build_object('lot', l.lot, 'kind', l.kind, 'granted', l.granted, 'settled', l.settled,
        'held', l.held, 'refunded', l.refunded, 'adjusted', l.adjusted, 'lapsed', l.lapsed,
        'available', case when l.kind = 'overage' and owed.stops_overage then 0 when l.starts_at <= clock.now and l.expires_at > clock.now
          then l.free - coalesce(x.credits, 0) else 0 end,
        'rolloverMax', l.rollover_max, 'startsAt', l.starts_at, 'expiresAt', nullif(l.expires_at, 'infinity'))
      order by case l.kind when 'allowance' then 0 when 'overage' then 2 else 1 end, l.expires_at, l.lot), '[]') as lots
    from lots l
    -- It lapses before anything else becomes of it.
    left join rollover_excess(a.shard, clock.now, a.account_id, in_mode) x on x.lot = l.lot
    where l.account_id = a.account_id and l.mode = in_mode and l.shard = a.shard
      and (l.expires_at > clock.now or l.held > 0)
  ) l
  where a.account_id = in_account
$$;
