-- Where each shard's log ends.
create or replace function heads_v1()
returns table (shard smallint, "position" bigint, epoch integer, recorded_at timestamptz, divergence text)
language sql stable security definer set search_path from current as $$
  select h.shard, h.position, h.epoch, h.recorded_at, h.divergence from heads h order by h.shard
$$;
