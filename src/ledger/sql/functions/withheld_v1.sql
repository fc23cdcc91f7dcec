-- Records a charge whose response was withheld. That comes before delivered_v1 goes past the charge's position.
create or replace function withheld_v1(in_shard smallint, in_position bigint) returns void
language sql security definer set search_path from current as $$
  insert into withheld (position, shard) values (in_position, in_shard)
  on conflict (position, shard) do nothing
$$;
