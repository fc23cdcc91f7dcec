-- The lots that credits can be drawn from at a time, in the order in which they are drawn.
create or replace function live_lots(in_shard smallint, in_account text, in_mode text, in_time timestamptz)
returns table (lot bigint, free bigint, draw_order bigint)
language sql stable as $$
  select l.lot, l.free, row_number() over (order by l.rank, l.expires_at, l.lot)
  from (
    {{live_lots}}
  ) l
$$;
