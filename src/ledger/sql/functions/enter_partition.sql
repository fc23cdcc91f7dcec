-- Notes in the shard's head which partition its last event stands in, and when the shard's events in that begin. Before the
-- first partition there are none, so its beginning is of no interest.
create or replace function enter_partition(in_shard smallint) returns void
language sql as $$
  update heads h
  set partition_end = p.next_position, partition_started_at = case when p.first_position > 0 then f.recorded_at end
  from heads n
  cross join lateral partition_at(n.position) p
  cross join lateral (
    select e.recorded_at from events e
    where e.shard = in_shard and e.position >= p.first_position and e.position <= n.position
    order by e.position limit 1
  ) f
  where h.shard = in_shard and n.shard = in_shard
$$;
