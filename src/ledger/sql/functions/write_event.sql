-- Writes one event of a rare type: grants, adjustments, refunds, account, key and tariff events. Whoever calls this holds the
-- shard's lock and says the position.
create or replace function write_event(
  in_shard smallint, in_position bigint, in_now timestamptz, in_type text, in_actor text, in_instance text,
  in_payload text,
  in_stream_version integer default null, in_account text default null, in_key text default null,
  in_mode text default null, in_request text default null, in_endpoint text default null,
  in_tariff text default null, in_credits bigint default null,
  in_lots bigint[] default null, in_moved bigint[] default null, in_private bytea default null
) returns void
language sql as $$
  insert into events (shard, position, recorded_at, occurred_at, type, stream_version, account_id, key_id, mode,
    request_id, endpoint, tariff, credits, lots, moved, actor, instance, payload, private, login, event_hash)
  values (in_shard, in_position, in_now, in_now, in_type, in_stream_version, in_account, in_key, in_mode,
    in_request, in_endpoint, in_tariff, in_credits, in_lots, in_moved, in_actor, in_instance,
    in_payload::json, in_private, session_user::text,
    hash_event(in_shard, in_position, in_now, in_now, in_type, in_stream_version,
      in_account, in_key, in_mode, in_request, in_endpoint, in_tariff, in_credits, null::bigint, null::integer,
      null::smallint, null::integer, in_lots, null::bigint[], in_moved, in_actor, in_instance, in_payload::json, in_private,
      session_user::text))
$$;
