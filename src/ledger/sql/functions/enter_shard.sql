-- Takes the shard's lock until the end of the transaction, and then reads where the log ends and what time it is. The lock
-- comes before every read, so a transaction sees what all earlier appends wrote.
create or replace function enter_shard(
  in_shard smallint, out last_position bigint, out now_at timestamptz
)
language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext(current_schema()), in_shard);
  select h.position, greatest(ledger_now(), h.recorded_at)
    into strict last_position, now_at
    from heads h where h.shard = in_shard;
end
$$;
