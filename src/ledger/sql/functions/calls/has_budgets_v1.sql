-- Whether the calls of a key count in budgets, by the hash of the key's secret.
create or replace function has_budgets_v1(in_hash text) returns boolean
language sql stable security definer set search_path from current as $$
  select exists (
    select from key_of(in_hash) o
    join key_state k on k.key_id = o.key_id and k.shard = o.shard
    join account_state a on a.account_id = k.account_id and a.shard = k.shard
    cross join lateral budgets_of_key(a.budgets, k.budgets, k.key_group, k.key_id))
$$;
