-- Refunds a charge of the account of a key, by the hash of the key's secret, whose response cannot arrive any more: refund_v1
-- decides that. The refund is under the name that makes it the only one, whoever gives it.
create or replace function refund_undelivered_v1(
  in_sender jsonb, in_hash text, in_request text, in_request_hash text, in_private bytea
) returns jsonb
language plpgsql security definer set search_path from current as $$
declare
  v_key record;
begin
  select * into v_key from key_of(in_hash);
  if not exists (
    select from events e
    where e.request_id = in_request and e.type = 'HoldSettled' and e.shard = v_key.shard and e.account_id = v_key.account_id
      and {{is_opening_or_not}}
  ) then
    return jsonb_build_object('verdict', 'no_such_charge');
  end if;
  return refund_v1(v_key.shard, in_sender, 'undelivered:' || in_request, in_request_hash, in_request, null, in_private,
    'key:' || v_key.key_id);
end
$$;
