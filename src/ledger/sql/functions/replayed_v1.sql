-- Records that a stored response was replayed. Its charge is delivered then, whatever became of the first response.
create or replace function replayed_v1(in_shard smallint, in_key text, in_claim text) returns void
language sql security definer set search_path from current as $$
  update stored_responses set replayed_at = coalesce(replayed_at, ledger_now())
  where key_id = in_key and claim = in_claim and shard = in_shard
$$;
