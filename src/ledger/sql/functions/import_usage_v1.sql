-- Appends what a key did under the service that this ledger replaces: an event for each day and endpoint, with the day as
-- the time that counts. in_usage: [{time, endpoint, calls, credits, payload (text)}]. The same command sent again gets the
-- same result. Returns {verdict, positions}: the first and the last.
create or replace function import_usage_v1(
  in_shard smallint, in_sender jsonb, in_command text, in_request_hash text,
  in_account text, in_key text, in_mode text, in_usage jsonb, in_actor text
) returns jsonb
language plpgsql security definer set search_path from current as $$
declare
  v_instance text := in_sender ->> 'instance';
  v_position bigint;
  v_now timestamptz;
  v_fault text;
  v_result jsonb;
  v_last bigint;
begin
  select e.last_position, e.now_at, e.fault into v_position, v_now, v_fault from enter_for_management(in_shard, in_sender) e;
  if v_fault is not null then
    return jsonb_build_object('verdict', v_fault);
  end if;
  v_result := repeated_result(in_shard, in_command, in_request_hash);
  if v_result is not null then
    return v_result;
  end if;
  if not exists (
    select from key_state k
    where k.key_id = in_key and k.account_id = in_account and k.mode = in_mode and k.shard = in_shard
  ) then
    return jsonb_build_object('verdict', 'no_such_account');
  end if;
  if exists (
    select from jsonb_array_elements(in_usage) e
    where not is_ledger_time(e ->> 'time') or (e ->> 'time')::timestamptz > v_now or e ->> 'endpoint' is null
      or ((e ->> 'calls')::numeric between 0 and {{max_amount}}) is not true
      or ((e ->> 'credits')::numeric between 0 and {{max_amount}}) is not true
      or (e ->> 'payload' ~ '^{"errors":\d+,"latencyMsSum":\d+}$') is not true
  ) then
    raise exception 'a line of usage is of no time before now, of no endpoint, or its figures are none'
      using errcode = 'invalid_parameter_value';
  end if;
  perform check_payload('UsageImported', e ->> 'payload') from jsonb_array_elements(in_usage) e;

  insert into events (shard, position, recorded_at, occurred_at, type, account_id, key_id, mode, endpoint,
    credits, quantity, actor, instance, payload, login, event_hash)
  select in_shard, v_position + u.ord, v_now, u.time, 'UsageImported', in_account, in_key, in_mode, u.endpoint,
    u.credits, u.calls, in_actor, v_instance, u.payload::json, session_user::text,
    hash_event(in_shard, v_position + u.ord, v_now, u.time, 'UsageImported', null::integer,
      in_account, in_key, in_mode, null::text, u.endpoint, null::text, u.credits, u.calls, null::integer,
      null::smallint, null::integer, null::bigint[], null::bigint[], null::bigint[], in_actor, v_instance, u.payload::json,
      null::bytea, session_user::text)
  from (
    select (e.value ->> 'time')::timestamptz as time, e.value ->> 'endpoint' as endpoint,
      (e.value ->> 'calls')::bigint as calls, (e.value ->> 'credits')::bigint as credits,
      e.value ->> 'payload' as payload, e.ord
    from jsonb_array_elements(in_usage) with ordinality as e (value, ord)
  ) u;
  v_last := v_position + jsonb_array_length(in_usage);
  perform leave_shard(in_shard, v_last, v_now);
  return keep_result(in_shard, in_command, in_request_hash, v_now,
    jsonb_build_object('verdict', 'ok', 'positions', jsonb_build_array(v_position + 1, v_last)));
end
$$;
