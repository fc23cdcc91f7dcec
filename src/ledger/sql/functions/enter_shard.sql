-- Takes the shard's lock until the end of the transaction, and then reads where the log ends and what time it is. The lock
-- is that of the head's row, so that only who may write heads can hold it. It comes before every read: the row is read as the
-- transaction before left it, and each later statement sees all that earlier appends wrote.
create or replace function enter_shard(
  in_shard smallint, out last_position bigint, out now_at timestamptz
)
language plpgsql as $$
begin
  select h.position, h.recorded_at into strict last_position, now_at
    from heads h where h.shard = in_shard for update;
  -- In a statement of its own: that of the lock can be older than the wait.
  now_at := greatest(ledger_now(), now_at);
end
$$;
