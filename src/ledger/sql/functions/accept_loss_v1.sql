-- Accepts that the log has lost the events that stood from here on, so that gateways which had seen them sell again. The epoch
-- is raised: what anybody saw before says nothing any more. For the owner alone.
create or replace function accept_loss_v1(in_shard smallint, in_instance text, in_reason text, in_actor text)
returns void
language plpgsql as $$
declare
  v_position bigint;
  v_now timestamptz;
begin
  select e.last_position + 1, e.now_at into v_position, v_now from enter_shard(in_shard) e;
  perform write_event(in_shard, v_position, v_now, 'LogRestored', in_actor, in_instance,
    format('{"lostFrom":%s,"reason":%s}', v_position, to_json(in_reason)));
  update heads set epoch = epoch + 1, divergence = null where shard = in_shard;
  perform leave_shard(in_shard, v_position, v_now);
end
$$;
