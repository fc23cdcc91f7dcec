-- Accepts that the log has lost the events that stood from here on, so that gateways which had seen them sell again. The epoch
-- is raised: what anybody saw before says nothing any more. For the owner alone. in_sent_at is his clock.
create or replace function accept_loss_v1(
  in_shard smallint, in_instance text, in_sent_at timestamptz, in_reason text, in_actor text
) returns void
language plpgsql as $$
declare
  v_position bigint;
  v_now timestamptz;
  v_fault text;
begin
  -- First, so that the fault of a log that has diverged hides none of the clock.
  update heads set epoch = epoch + 1, divergence = null where shard = in_shard;
  select e.last_position + 1, e.now_at, e.fault into v_position, v_now, v_fault from enter_shard(in_shard, in_sent_at) e;
  if v_fault is not null then
    raise exception 'the clocks of the ledger and of this machine disagree, and what is written would have the ledger''s time: set the one right that is wrong'
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform write_event(in_shard, v_position, v_now, 'LogRestored', in_actor, in_instance,
    format('{"lostFrom":%s,"reason":%s}', v_position, to_json(in_reason)));
  perform leave_shard(in_shard, v_position, v_now);
end
$$;
