-- Moves the shard's head to the last position written.
create or replace function leave_shard(in_shard smallint, in_position bigint, in_now timestamptz)
returns void
language sql as $$
  update heads set position = in_position, recorded_at = in_now where shard = in_shard
$$;
