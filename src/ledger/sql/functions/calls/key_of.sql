-- Whose a secret is, by its hash: the key, revoked or not, and its account.
create or replace function key_of(in_hash text) returns table (shard smallint, key_id text, account_id text, mode text)
language sql stable as $$
  select k.shard, k.key_id, k.account_id, k.mode
  from (
    select * from key_state where hash = in_hash
    union all
    select * from key_state where previous_hash = in_hash and previous_until is not null
  ) k
  limit 1
$$;
