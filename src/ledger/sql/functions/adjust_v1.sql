-- Takes credits away: what is available but overage, in draw order, once what is free has repaid an older debt. The rest is recorded as a
-- debt, which the next credits that become free repay.
-- Returns {verdict, positions, taken, debt}, or {verdict, room} when the account would owe more than may be: room is what can
-- be taken.
create or replace function adjust_v1(
  in_shard smallint, in_sender jsonb, in_command text, in_request_hash text,
  in_account text, in_mode text, in_credits bigint, in_payload text, in_private bytea, in_actor text
) returns jsonb
language plpgsql security definer set search_path from current as $$
declare
  v_instance text := in_sender ->> 'instance';
  v_position bigint;
  v_now timestamptz;
  v_fault text;
  v_result jsonb;
  v_due bigint;
  v_room bigint;
  v_left bigint := in_credits;
  v_lots bigint[] := '{}';
  v_moved bigint[] := '{}';
  v_positions bigint[] := '{}';
  r record;
begin
  select e.last_position, e.now_at, e.fault into v_position, v_now, v_fault from enter_for_management(in_shard, in_sender) e;
  if v_fault is not null then
    return jsonb_build_object('verdict', v_fault);
  end if;
  v_result := repeated_result(in_shard, in_command, in_request_hash);
  if v_result is not null then
    return v_result;
  end if;
  if not exists (select from account_state s where s.account_id = in_account and s.shard = in_shard) then
    return jsonb_build_object('verdict', 'no_such_account');
  end if;
  if (in_credits between 1 and {{max_amount}}) is not true then
    return jsonb_build_object('verdict', 'amount_out_of_range');
  end if;
  perform check_payload('CreditsAdjusted', in_payload);
  -- As if nothing could be taken: who owes has nothing free, or little.
  v_room := {{max_unspent_credits}} - coalesce((
    select b.debt from balances b where b.account_id = in_account and b.mode = in_mode and b.shard = in_shard), 0);
  if in_credits > v_room then
    return jsonb_build_object('verdict', 'too_many_credits', 'room', greatest(v_room, 0));
  end if;

  v_position := lapse_rollover(in_shard, v_position, v_now, v_instance, in_account, in_mode);
  -- The month's allowance is available, whether or not a call has needed it yet.
  v_due := allowance_due(in_shard, v_now, in_account, in_mode);
  if v_due > 0 then
    v_position := grant_allowance(in_shard, v_position + 1, v_now, v_instance, in_account, in_mode, v_due);
  end if;
  v_position := repay_from_live_lots(in_shard, v_position, v_now, v_instance, in_account, in_mode);
  for r in select l.lot, l.free from owned_lots(in_shard, in_account, in_mode, v_now) l where l.free > 0 order by l.draw_order loop
    exit when v_left = 0;
    v_lots := v_lots || r.lot;
    v_moved := v_moved || least(r.free, v_left);
    v_left := v_left - least(r.free, v_left);
  end loop;
  if v_left < in_credits then
    v_position := v_position + 1;
    v_positions := v_positions || v_position;
    perform write_event(in_shard, v_position, v_now, 'CreditsAdjusted', in_actor, v_instance, in_payload,
      in_account => in_account, in_mode => in_mode, in_credits => in_credits - v_left,
      in_lots => v_lots, in_moved => v_moved, in_private => in_private);
  end if;
  if v_left > 0 then
    v_position := v_position + 1;
    v_positions := v_positions || v_position;
    perform write_event(in_shard, v_position, v_now, 'DebtRecorded', in_actor, v_instance, in_payload,
      in_account => in_account, in_mode => in_mode, in_credits => v_left, in_private => in_private);
  end if;
  perform leave_shard(in_shard, v_position, v_now);
  return keep_result(in_shard, in_command, in_request_hash, v_now,
    jsonb_build_object('verdict', 'ok', 'positions', to_jsonb(v_positions), 'taken', in_credits - v_left, 'debt', v_left));
end
$$;
