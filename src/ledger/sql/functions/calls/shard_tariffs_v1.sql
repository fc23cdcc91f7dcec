-- Of each shard: the tariff in force (null: none), and whether none was ever published there.
create or replace function shard_tariffs_v1() returns table (shard smallint, in_force text, is_empty boolean, read_at timestamptz)
language sql stable security definer set search_path from current as $$
  select h.shard, tariff_at(h.shard, t.now), not exists (select from tariffs where tariffs.shard = h.shard), t.now
  from heads h
  cross join (select ledger_now() as now) t
  order by h.shard
$$;
