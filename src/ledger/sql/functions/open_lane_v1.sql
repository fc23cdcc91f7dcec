-- Opens a gateway instance's lane in a shard, and forgets lanes that fell silent a week ago.
create or replace function open_lane_v1(in_shard smallint, in_lane uuid, in_instance text) returns void
language plpgsql security definer set search_path from current as $$
declare
  v_now timestamptz;
begin
  select e.now_at into v_now from enter_shard(in_shard) e;
  delete from lanes where shard = in_shard and recorded_at < v_now - interval '7 days';
  insert into lanes (lane, shard, instance, recorded_at) values (in_lane, in_shard, in_instance, v_now)
    on conflict (lane, shard) do nothing;
end
$$;
