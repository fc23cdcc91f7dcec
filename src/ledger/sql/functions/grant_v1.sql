-- Grants credits as a new lot, which repays the account's debt first. Returns {verdict, positions}, or {verdict, room} when the
-- account would have more unspent credits than may be: room is what can be granted. A payload that names a pack of the tariff in force is
-- made up here, and so are its credits, which the result has.
create or replace function grant_v1(
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
  v_lot bigint;
  v_room bigint;
  v_pack record;
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
  if in_payload::jsonb ? 'pack' then
    select * into v_pack from pack_of(in_shard, v_now, in_payload::jsonb);
    if v_pack.credits is null then
      return jsonb_build_object('verdict', 'no_such_pack');
    end if;
    in_credits := v_pack.credits;
    in_payload := v_pack.payload;
  end if;
  if (in_credits between 1 and {{max_amount}}) is not true then
    return jsonb_build_object('verdict', 'amount_out_of_range');
  end if;
  perform check_payload('CreditsGranted', in_payload);
  if in_payload::jsonb ->> 'kind' not in ('paid', 'promotional') or in_payload::jsonb ?| array['rollover', 'overage'] then
    raise exception 'an allowance, overage or a trial is granted by the plan alone' using errcode = 'invalid_parameter_value';
  end if;
  if (in_payload::jsonb ->> 'expiresAt')::timestamptz <= v_now then
    return jsonb_build_object('verdict', 'time_passed');
  elsif (in_payload::jsonb ->> 'expiresAt')::timestamptz <= (in_payload::jsonb ->> 'startsAt')::timestamptz then
    return jsonb_build_object('verdict', 'ends_before_start');
  end if;
  v_room := {{max_unspent_credits}} - unspent_credits(in_shard, v_now, in_account, in_mode);
  if in_credits > v_room then
    return jsonb_build_object('verdict', 'too_many_credits', 'room', greatest(v_room, 0));
  end if;

  v_lot := v_position + 1;
  perform write_event(in_shard, v_lot, v_now, 'CreditsGranted', in_actor, v_instance, in_payload,
    in_account => in_account, in_mode => in_mode, in_credits => in_credits, in_private => in_private);
  v_position := repay_debt(in_shard, v_lot, v_now, v_instance, in_account, in_mode, array[v_lot], array[in_credits]);
  perform leave_shard(in_shard, v_position, v_now);
  return keep_result(in_shard, in_command, in_request_hash, v_now,
    jsonb_build_object('verdict', 'ok', 'positions', jsonb_build_array(v_lot), 'credits', in_credits));
end
$$;
