-- Events that no call makes are few, and what looks for them in a long log finds them here. The types that are left out
-- are `callTypes` of events/credits.ts: a query that leaves them out too, or names others, uses the index.
create index events_rare on events (shard, position) where type not in ('CreditsHeld', 'HoldExtended', 'HoldSettled',
  'HoldReleased', 'HoldExpired', 'CallsCounted', 'UsageImported');

-- Those of accounts and keys were all that the index before had.
drop index events_of_streams;
