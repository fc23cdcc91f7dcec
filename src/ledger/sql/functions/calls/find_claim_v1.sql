-- The call that has a key's claim, what came of it, and its stored response, sealed. A claim is a hash under the account's secret.
create or replace function find_claim_v1(in_shard smallint, in_key text, in_claim text)
returns table (hold_id text, quantity bigint, response bytea, "position" bigint, is_refunded boolean)
language sql stable security definer set search_path from current as $$
  select c.hold_id, coalesce(a.quantity, e.quantity), a.response, e.position,
    exists (
      select from events r
      where r.request_id = c.hold_id and r.shard = c.shard and r.type = 'ChargeRefunded'
        and r.payload ->> 'externalId' = 'undelivered:' || c.hold_id
    )
  from claims c
  left join stored_responses a on a.key_id = c.key_id and a.claim = c.claim and a.shard = c.shard
  left join events e on e.request_id = c.hold_id and e.shard = c.shard and e.type = 'HoldSettled'
    and e.held is not null
  where c.key_id = in_key and c.claim = in_claim and c.shard = in_shard
$$;
