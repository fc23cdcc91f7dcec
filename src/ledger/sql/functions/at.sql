-- The hash of the tariff in force at a time, and an account's plan at a time.
create or replace function tariff_at(in_shard smallint, in_time timestamptz) returns text
language sql stable as $$
  select t.hash from tariffs t
  where t.shard = in_shard and t.effective_from <= in_time
  order by t.effective_from desc, t.position desc limit 1
$$;

create or replace function plan_at(in_shard smallint, in_account text, in_time timestamptz) returns text
language sql stable as $$
  select p.plan from account_plans p
  where p.account_id = in_account and p.shard = in_shard and p.starts_at <= in_time
  order by p.position desc limit 1
$$;

-- The lots that credits can be drawn from at a time, in the order in which they are.
create or replace function live_lots(in_shard smallint, in_account text, in_mode text, in_time timestamptz)
returns table (lot bigint, free bigint, draw_order bigint)
language sql stable as $$
  select l.lot, l.granted + l.refunded - l.adjusted - l.settled - l.held,
    row_number() over (order by case l.kind when 'allowance' then 0 else 1 end, l.expires_at, l.lot)
  from lots l
  where l.account_id = in_account and l.mode = in_mode and l.shard = in_shard
    and l.starts_at <= in_time and l.expires_at > in_time
$$;
