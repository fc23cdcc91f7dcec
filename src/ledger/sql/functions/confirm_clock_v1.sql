-- Confirms that the ledger's clock is right where senders' clocks disagree with it. For the owner alone.
create or replace function confirm_clock_v1(in_shard smallint, in_instance text, in_reason text, in_actor text)
returns void
language plpgsql as $$
declare
  v_position bigint;
  v_now timestamptz;
  v_fault text;
begin
  select e.last_position + 1, e.now_at, e.fault into v_position, v_now, v_fault from enter_shard(in_shard) e;
  if v_fault is not null then
    raise exception 'the log is not the one that a gateway has seen: accept the loss first' using errcode = 'object_not_in_prerequisite_state';
  end if;
  perform write_event(in_shard, v_position, v_now, 'ClockConfirmed', in_actor, in_instance,
    format('{"reason":%s}', to_json(in_reason)));
  perform leave_shard(in_shard, v_position, v_now);
end
$$;
