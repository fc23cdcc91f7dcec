-- How far some projections are behind the log, each on the shard where it is furthest behind. `seconds` have passed since the
-- oldest event that it has not applied.
create or replace function projection_lags_v1(in_projections text[])
returns table (projection text, events bigint, seconds float8)
language sql stable security definer set search_path from current as $$
  select c.projection, max(h.position - c.position),
    coalesce(max(greatest(extract(epoch from t.now - e.recorded_at), 0)), 0)::float8
  from projection_checkpoints c
  join heads h on h.shard = c.shard
  cross join (select ledger_now() as now) t
  left join events e on e.shard = c.shard and e.position = c.position + 1
  where c.projection = any(in_projections)
  group by c.projection
  order by c.projection
$$;
