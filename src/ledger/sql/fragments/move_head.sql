update heads h
set position = {{position}}, recorded_at = case when {{position}} > h.position then {{time}} else h.recorded_at end,
  clock_at = greatest(h.clock_at, {{time}}), event_hash = coalesce({{hash}}, h.event_hash)
where h.shard = {{shard}}
returning h.event_hash, h.partition_end
