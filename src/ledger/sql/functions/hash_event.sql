-- The event hash: SHA-256 over all fields of an event, one a line, an absent one as an empty line (but the login, which older events
-- do not have). No field holds a line feed: ids are checked when they come in, and JSON escapes control characters. Times are
-- microseconds since 1970.
create or replace function hash_event(
  shard smallint, "position" bigint, recorded_at timestamptz, occurred_at timestamptz,
  type text, stream_version integer,
  account_id text, key_id text, mode text, request_id text, endpoint text, tariff text,
  credits bigint, quantity bigint, slots integer, status smallint, latency_ms integer,
  lots bigint[], held bigint[], moved bigint[],
  actor text, instance text, payload json, private bytea, login text default null
) returns bytea
language sql stable parallel safe as $$
  select sha256(convert_to(
    -- An absent field is no text to format().
    format(E'%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s',
      shard, "position", (extract(epoch from recorded_at) * 1000000)::bigint, (extract(epoch from occurred_at) * 1000000)::bigint,
      type, stream_version, account_id, key_id, mode, request_id, endpoint, tariff,
      credits, quantity, slots, status, latency_ms, lots, held, moved,
      actor, instance, payload, encode(private, 'hex')) || coalesce(E'\n' || login, ''),
    'UTF8'))
$$;
