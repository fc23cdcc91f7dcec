-- A page of the charges of a key's account, by the hash of the key's secret; see charges_of.
create or replace function own_charges_v1(in_hash text, in_before bigint, in_limit integer, in_max_scanned integer)
returns table (shard smallint, oldest bigint, charges json)
language sql stable security definer set search_path from current as $$
  select k.shard, c.oldest, c.charges
  from key_of(in_hash) k
  cross join lateral charges_of(k.shard, k.account_id, in_before, in_limit, in_max_scanned) c
$$;
