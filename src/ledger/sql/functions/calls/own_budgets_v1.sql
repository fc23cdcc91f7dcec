-- What the calls of a key count in, with what is used of it, by the hash of the key's secret.
create or replace function own_budgets_v1(in_hash text) returns jsonb
language sql stable security definer set search_path from current as $$
  select budgets_of(k.account_id, k.mode, k.key_id) from key_of(in_hash) k
$$;
