-- Appends the events of one management command to account, key, tariff and operators streams.
--
-- The sender decided the command by the versions in in_expected, a list of {stream: 'account' | 'key' | 'operatorKey', id, version, readAt?}. If one of
-- them has changed since, or was read at a time that the ledger's clock, set back since, has not reached yet, the verdict is version_conflict. The same command sent again gets the same result.
--
-- in_events: [{type, accountId?, keyId?, mode?, payload (text), private? (hex), name?, actor}]; a name is what an account that is described
-- is found by. Returns {verdict, positions,
-- recordedAt}. What in_sender says of the request that the command is of, {request}, is kept beside it.
--
-- Every event must be of a type of these streams, name what its stream is of, and have a payload that fits its type. A stream is
-- opened once, by its first event, and a key stays of its account and mode. An operator key counts as a stream, too, whose versions stand in
-- operator_keys alone. A tariff's hash stands for one content.
--
-- One function, however long: it runs under the shard's lock as one decision.
create or replace function record_v1(
  in_shard smallint, in_sender jsonb, in_command text, in_request_hash text,
  in_expected jsonb, in_events jsonb, in_secret bytea default null
) returns jsonb
language plpgsql security definer set search_path from current as $$
declare
  v_instance text := in_sender ->> 'instance';
  v_position bigint;
  v_now timestamptz;
  v_fault text;
  v_result jsonb;
  v_positions bigint[] := '{}';
  v_versions jsonb := '{}';
  v_version integer;
  v_stream text;
  v_due bigint;
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

  for r in select * from jsonb_to_recordset(in_expected) as e (stream text, id text, version integer, "readAt" timestamptz) loop
    if (r.stream in ('account', 'key', 'operatorKey')) is not true then
      raise exception 'a version is expected of an account, of a key or of an operator key, and of nothing else' using errcode = 'invalid_parameter_value';
    end if;
    v_version := case r.stream
      when 'account' then (select s.version from account_state s where s.account_id = r.id and s.shard = in_shard)
      when 'key' then (select s.version from key_state s where s.key_id = r.id and s.shard = in_shard)
      when 'operatorKey' then (select s.version from operator_keys s where s.operator_key_id = r.id and s.shard = in_shard)
    end;
    if coalesce(v_version, 0) <> r.version or r."readAt" > v_now then
      return jsonb_build_object('verdict', 'version_conflict');
    end if;
    v_versions := v_versions || jsonb_build_object(r.stream || r.id, r.version);
  end loop;
  if exists (
    select from jsonb_array_elements(in_events) e
    join key_state k on (e ->> 'payload')::jsonb ->> 'hash' in (k.hash, k.previous_hash) and k.shard = in_shard
    where {{sets_a_secret}}
  ) then
    return jsonb_build_object('verdict', 'hash_taken');
  end if;

  for r in
    select *
    from jsonb_to_recordset(in_events) as e (type text, "accountId" text, "keyId" text, mode text, payload text,
      private text, name text, actor text)
  loop
    perform check_payload(r.type, r.payload);
    -- A time zone that this server does not know is an error, but where it stands already.
    perform span_start(b ->> 'per', b ->> 'timeZone', v_now)
      from jsonb_path_query(r.payload::jsonb, '$.budgets[*]') b
      where not exists (
        select from (
          select s.budgets from account_state s where r."keyId" is null and s.account_id = r."accountId" and s.shard = in_shard
          union all
          select k.budgets from key_state k where k.key_id = r."keyId" and k.shard = in_shard
        ) earlier
        where earlier.budgets @> jsonb_build_array(jsonb_build_object('timeZone', b -> 'timeZone')));
    if (case
      when {{is_of_an_account}} then r."accountId" ~ '^[!-~]{1,200}$' and r."keyId" is null and r.mode is null
      when {{is_of_a_key}} then r."accountId" ~ '^[!-~]{1,200}$' and r."keyId" ~ '^[!-~]{1,200}$' and r.mode in ('live', 'test')
      when {{is_of_nobody}} then coalesce(r."accountId", r."keyId", r.mode) is null
    end) is not true then
      raise exception 'an event of type % is not recorded like this: credits move by functions of their own, and an account''s or key''s event names it',
        r.type using errcode = 'invalid_parameter_value';
    end if;
    v_position := v_position + 1;
    v_version := null;
    if not {{is_of_tariffs}} then
      v_stream := case
        when {{is_of_operators}} then 'operatorKey' || (r.payload::jsonb ->> 'id')
        when r."keyId" is null then 'account' || r."accountId"
        else 'key' || r."keyId"
      end;
      v_version := (v_versions ->> v_stream)::integer + 1;
      if v_version is null then
        raise exception 'the command names no expected version for %', v_stream;
      end if;
      if (v_version = 1) <> ({{opens_a_stream}}) then
        raise exception 'an event of type % cannot be version % of %: a stream is opened once, by its first event', r.type, v_version,
          v_stream using errcode = 'invalid_parameter_value';
      end if;
      if v_version > 1 and r."keyId" is not null and not exists (
        select from key_state k
        where k.key_id = r."keyId" and k.shard = in_shard and k.account_id = r."accountId" and k.mode = r.mode
      ) then
        raise exception 'the key % is of another account or mode', r."keyId" using errcode = 'invalid_parameter_value';
      end if;
      v_versions := v_versions || jsonb_build_object(v_stream, v_version);
    elsif exists (
      select from tariffs t
      where t.hash = r.payload::jsonb ->> 'hash' and t.shard = in_shard
        and t.content <> r.payload::jsonb - array['hash', 'from', 'notice', 'reason']
    ) then
      raise exception 'a tariff of this hash was published with another content' using errcode = 'invalid_parameter_value';
    elsif exists (
      select from tariffs t
      where t.shard = in_shard and t.content -> 'credits' is distinct from r.payload::jsonb -> 'credits' and t.content ? 'credits'
    ) then
      raise exception 'credits are shown in another way since a tariff before' using errcode = 'invalid_parameter_value';
    end if;
    perform write_event(in_shard, v_position, v_now, r.type, r.actor, v_instance, r.payload,
      in_stream_version => case when not {{is_of_operators}} then v_version end, in_account => r."accountId", in_key => r."keyId",
      in_mode => r.mode, in_private => decode(r.private, 'hex'));
    v_positions := v_positions || v_position;
    if r.type = 'AccountOpened' then
      insert into account_secrets (account_id, shard, secret) values (r."accountId", in_shard, in_secret);
    elsif r.type = 'AccountErased' then
      delete from account_secrets where account_id = r."accountId" and shard = in_shard;
      delete from account_names where account_id = r."accountId" and shard = in_shard;
    elsif r.type = 'AccountDescribed' and r.private is not null then
      insert into account_names (account_id, shard, name) values (r."accountId", in_shard, coalesce(r.name, ''))
      on conflict (account_id, shard) do update set name = excluded.name;
    elsif r.type = 'AccountDescribed' then
      delete from account_names where account_id = r."accountId" and shard = in_shard;
    end if;
  end loop;

  -- A plan that starts at once tops up an allowance of this month that was granted under the old plan.
  for r in
    select distinct e ->> 'accountId' as account_id, b.mode
    from jsonb_array_elements(in_events) e
    join balances b on b.account_id = e ->> 'accountId' and b.shard = in_shard
      and b.allowance_month = date_trunc('month', v_now at time zone 'UTC')::date
    where e ->> 'type' = 'PlanStarted'
  loop
    v_due := allowance_due(in_shard, v_now, r.account_id, r.mode);
    if v_due > 0 then
      v_position := grant_allowance(in_shard, v_position + 1, v_now, v_instance, r.account_id, r.mode, v_due);
    end if;
  end loop;

  -- A plan that starts at once brings its trial, to an account that had none.
  for r in
    select distinct (e ->> 'accountId') collate "C" as account_id
    from jsonb_array_elements(in_events) e
    where e ->> 'type' = 'PlanStarted' and ((e ->> 'payload')::jsonb ->> 'from')::timestamptz <= v_now
    order by 1
  loop
    v_position := grant_trials(in_shard, v_position, v_now, v_instance, r.account_id);
  end loop;

  perform leave_shard(in_shard, v_position, v_now);
  return keep_result(in_shard, in_command, in_request_hash, v_now,
    jsonb_build_object('verdict', 'ok', 'positions', to_jsonb(v_positions))
      || jsonb_strip_nulls(jsonb_build_object('request', in_sender -> 'request')));
end
$$;
