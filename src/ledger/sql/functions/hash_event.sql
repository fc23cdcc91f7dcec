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
    -- In groups, because every || copies what stands before it.
    (shard || E'\n' || "position"
      || E'\n' || (extract(epoch from recorded_at) * 1000000)::bigint
      || E'\n' || (extract(epoch from occurred_at) * 1000000)::bigint || E'\n')
    || (type || E'\n' || coalesce(stream_version::text, '') || E'\n')
    || (coalesce(account_id, '') || E'\n' || coalesce(key_id, '') || E'\n' || coalesce(mode, '') || E'\n')
    || (coalesce(request_id, '') || E'\n' || coalesce(endpoint, '') || E'\n' || coalesce(tariff, '') || E'\n')
    || (coalesce(credits::text, '') || E'\n' || coalesce(quantity::text, '') || E'\n' || coalesce(slots::text, '') || E'\n')
    || (coalesce(status::text, '') || E'\n' || coalesce(latency_ms::text, '') || E'\n')
    || (coalesce(lots::text, '') || E'\n' || coalesce(held::text, '') || E'\n' || coalesce(moved::text, '') || E'\n')
    || (actor || E'\n' || instance || E'\n')
    || (payload::text || E'\n' || coalesce(encode(private, 'hex'), '') || coalesce(E'\n' || login, '')),
    'UTF8'))
$$;
