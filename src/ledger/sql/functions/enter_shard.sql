-- Takes the shard's lock until the end of the transaction, and reads where the log ends and what time it is. The lock
-- is that of the head's row, so that only who may write heads can hold it. It comes before every read: the row is read as the
-- transaction before left it, and each later statement sees all that earlier appends wrote.
--
-- Nobody keeps it for longer than a minute, not even a session whose client has stopped between two messages: PostgreSQL ends it
-- (from version 17 on; an operator's own limit stays).
--
-- in_sent_at is the sender's clock; null: nothing is written that a time decides. `fault` says why nothing may be
-- written:
--   log_diverged     the log is not the one that a gateway has seen;
--   clock_disagrees  the clock jumped ahead, and the sender's clock says otherwise. A ledger that was silent for long finds
--                    both clocks ahead, and goes on.
create or replace function enter_shard(
  in_shard smallint, in_sent_at timestamptz default null,
  out last_position bigint, out now_at timestamptz, out epoch integer, out event_hash bytea,
  out partition_end bigint, out partition_started_at timestamptz, out fault text
)
language plpgsql as $$
declare
  v_recorded_at timestamptz;
  v_clock_at timestamptz;
  v_divergence text;
  v_reading timestamptz;
  v_limit text;
begin
  select h.position, h.epoch, h.event_hash, h.partition_end, h.partition_started_at, h.recorded_at, h.clock_at, h.divergence
    into strict last_position, enter_shard.epoch, enter_shard.event_hash, enter_shard.partition_end,
      enter_shard.partition_started_at, v_recorded_at, v_clock_at, v_divergence
    from heads h where h.shard = in_shard for update;
  if current_setting('transaction_timeout', true) = '0' then
    -- An assignment costs less than a query.
    v_limit := set_config('transaction_timeout', '60s', true);
  end if;
  -- In a statement of its own: that of the lock can be older than the wait.
  v_reading := ledger_now();
  now_at := greatest(v_reading, v_recorded_at);
  fault := case
    when v_divergence is not null then 'log_diverged'
    when v_reading > v_clock_at + interval '5 minutes' and abs(extract(epoch from v_reading - in_sent_at)) > 60
      then 'clock_disagrees'
  end;
end
$$;
