-- Registers a gateway's producer in a shard, and forgets producers that have sent nothing for a week.
create or replace function open_producer_v1(in_shard smallint, in_producer uuid, in_instance text) returns void
language plpgsql security definer set search_path from current as $$
declare
  v_now timestamptz;
begin
  select e.now_at into v_now from enter_shard(in_shard) e;
  delete from producers where shard = in_shard and recorded_at < v_now - interval '7 days';
  insert into producers (producer, shard, instance, recorded_at) values (in_producer, in_shard, in_instance, v_now)
    on conflict (producer, shard) do nothing;
end
$$;
