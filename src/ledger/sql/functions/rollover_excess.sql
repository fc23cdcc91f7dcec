-- What has to lapse of an account's allowances of earlier months, lot by lot in draw order: what is free of them beyond what the last of
-- them lets roll over.
create or replace function rollover_excess(in_shard smallint, in_now timestamptz, in_account text, in_mode text)
returns table (lot bigint, credits bigint, draw_order bigint)
language sql stable as $$
  select r.lot, least(r.free, r.excess - r.before)::bigint, r.draw_order
  from (
    select l.lot, l.free, row_number() over in_order as draw_order,
      sum(l.free) over in_order - l.free as before,
      sum(l.free) over () - first_value(l.rollover_max) over (order by l.lot desc) as excess
    from lots l
    where l.account_id = in_account and l.mode = in_mode and l.shard = in_shard and l.expires_at > in_now
      and l.rollover_max is not null and l.starts_at < date_trunc('month', in_now at time zone 'UTC') at time zone 'UTC'
    window in_order as (order by l.expires_at, l.lot)
  ) r
  where least(r.free, r.excess - r.before) > 0
$$;
