-- The same of a call of a key's account, by the hash of the key's secret.
create or replace function own_charge_v1(in_hash text, in_request text) returns table (
  shard smallint, "position" bigint, request_id text, type text, recorded_at timestamptz, account_id text, key_id text,
  mode text, endpoint text, tariff text, credits bigint, quantity bigint, payload json, delivery text, lease_position bigint,
  replayed boolean
)
language sql stable security definer set search_path from current as $$
  -- Without a key there is no account, and no charge.
  select c.* from key_of(in_hash) k cross join lateral charge_events(in_request, k.account_id) c
$$;
