-- Records how far a gateway's charges are delivered. The position only grows.
create or replace function delivered_v1(in_shard smallint, in_instance text, in_position bigint) returns void
language sql security definer set search_path from current as $$
  insert into deliveries as d (instance, shard, position) values (in_instance, in_shard, in_position)
  on conflict (instance, shard) do update set position = greatest(d.position, excluded.position)
$$;
