-- Opens a gateway instance's lane in a shard, and forgets lanes that fell silent a week ago.
create or replace function open_lane_v1(in_shard smallint, in_lane uuid, in_instance text) returns void
language plpgsql security definer set search_path from current as $$
begin
  perform enter_shard(in_shard);
  delete from lanes where shard = in_shard and recorded_at < clock_timestamp() - interval '7 days';
  insert into lanes (lane, shard, instance) values (in_lane, in_shard, in_instance)
    on conflict (lane, shard) do nothing;
end
$$;
