-- Events that no call makes are few, and what looks for them in a long log finds them here. The types that are left out
-- are `callTypes` of events/credits.ts: a query that leaves them out too, or names others, can use the index.
--
-- Partition by partition, the one that is being written last: appends wait for no other. The log's own index finds those
-- of its partitions made.
do $$
declare
  v_index constant text := $index$ (shard, position) where type not in ('CreditsHeld', 'HoldExtended', 'HoldSettled',
    'HoldReleased', 'HoldExpired', 'CallsCounted', 'UsageImported')$index$;
  v_partition regclass;
begin
  for v_partition in
    select inhrelid from pg_inherits where inhparent = 'events'::regclass order by inhrelid::regclass::text
  loop
    execute format('create index on %s', v_partition) || v_index;
  end loop;
  execute 'create index events_rare on events' || v_index;
end $$;
