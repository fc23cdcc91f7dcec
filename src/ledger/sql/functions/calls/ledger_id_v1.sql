-- The hash of the log's first event, which tells ledgers apart; null: the log is empty.
create or replace function ledger_id_v1() returns text
language sql stable security definer set search_path from current as $$
  select encode(event_hash, 'hex') from events where position = 1 order by shard limit 1
$$;
