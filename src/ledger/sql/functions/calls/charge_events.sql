-- The events of a call that say what it cost, in their order; of one account alone, where in_account is not null.
create or replace function charge_events(in_request text, in_account text) returns table (
  shard smallint, "position" bigint, request_id text, type text, recorded_at timestamptz, account_id text, key_id text,
  mode text, endpoint text, tariff text, credits bigint, quantity bigint, payload json, delivery text, lease_position bigint,
  replayed boolean
)
language sql stable as $$
  select e.shard, e.position, e.request_id, e.type, e.recorded_at, e.account_id, e.key_id, e.mode, e.endpoint, e.tariff,
    e.credits, e.quantity, e.payload,
    case when e.type = 'HoldSettled' then delivery_of(e) end,
    (select h.position from events h where h.request_id = e.payload ->> 'lease' and h.shard = e.shard
      and h.type = 'CreditsHeld'),
    exists (
      select from stored_responses a
      where e.type = 'CreditsHeld' and a.key_id = e.key_id and a.claim = e.payload ->> 'claim'
        and a.shard = e.shard and a.replayed_at is not null
    )
  from events e
  where e.request_id = in_request and e.slots is null and {{is_of_a_charge}} and {{is_opening_or_not}}
    and (in_account is null or e.account_id = in_account)
  order by e.shard, e.position
$$;
