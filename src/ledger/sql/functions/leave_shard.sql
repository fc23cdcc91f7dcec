-- Moves the shard's head to the last position written, and returns the event hash there, which is looked up where it is not
-- given. The clock's reading was accepted when the shard was entered.
create or replace function leave_shard(
  in_shard smallint, in_position bigint, in_now timestamptz, in_event_hash bytea default null
) returns bytea
language plpgsql as $$
declare
  v_hash bytea := in_event_hash;
  v_partition_end bigint;
begin
  if v_hash is null then
    -- In a statement of its own: one that may read the log locks all its partitions, though it reads none.
    v_hash := (select e.event_hash from events e where e.position = in_position and e.shard = in_shard);
  end if;
  {{move_head}}
    into v_hash, v_partition_end;
  if in_position >= v_partition_end then
    perform enter_partition(in_shard);
  end if;
  return v_hash;
end
$$;
