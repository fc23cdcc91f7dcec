-- The condition lists the frequent types, and there is one more of them (CallsRefused).
drop index events_rare;
create index events_rare on events (shard, position) where {{is_rare}};

-- The last calls of each account that were refused, for a day. They are no part of the log, which counts them (CallsRefused):
-- they tell whoever asks about one of them by its id.
create table refused_calls (
  request_id text primary key,
  account_id text not null,
  key_id text not null,
  mode text not null,
  endpoint text not null,
  -- The code that the client read, and the figures beside it.
  reason text not null,
  figures json not null,
  refused_at timestamptz not null
);
create index refused_calls_of_accounts on refused_calls (account_id, refused_at);
create index refused_calls_by_time on refused_calls (refused_at);
