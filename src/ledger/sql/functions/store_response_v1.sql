-- Stores the response of a call that named an Idempotency-Key, before the call is settled. It needs no lock of the shard: what
-- it writes decides nothing before the call's hold has ended.
create or replace function store_response_v1(
  in_shard smallint, in_key text, in_claim text, in_hold text, in_quantity bigint, in_response bytea
) returns void
language sql security definer set search_path from current as $$
  insert into stored_responses (key_id, claim, shard, hold_id, quantity, response, stored_at)
  values (in_key, in_claim, in_shard, in_hold, in_quantity, in_response, ledger_now())
  on conflict (key_id, claim, shard) do update set
    hold_id = excluded.hold_id, quantity = excluded.quantity, response = excluded.response, stored_at = excluded.stored_at
$$;
