-- The balance of a key's account, in the key's mode, by the hash of the key's secret.
drop function if exists own_balance_v1(text);
create or replace function own_balance_v1(in_hash text) returns table (
  shard smallint, month text, debt bigint, allowance_granted bigint, allowance_due bigint, overage_due bigint,
  month_settled numeric, month_refunded numeric, month_calls numeric, lots jsonb
)
language sql stable security definer set search_path from current as $$
  select b.* from key_of(in_hash) k cross join lateral balance_of(k.account_id, k.mode) b
$$;
