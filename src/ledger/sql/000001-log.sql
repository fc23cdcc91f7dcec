-- The log: heads, events, lanes, commands, and the accounts' keys for private fields.
-- Everything carries its shard; nothing here is wider than one.

create table heads (
  shard smallint primary key,
  position bigint not null default 0,
  recorded_at timestamptz not null default clock_timestamp(),
  -- Raised when a restored log accepts a loss.
  epoch integer not null default 1
) with (fillfactor = 10);

create table events (
  shard smallint not null,
  position bigint not null,
  -- Taken after the shard's lock: never runs backwards along position.
  recorded_at timestamptz not null,
  -- The time that counts for days and months: for what resolves a hold, the hold's.
  occurred_at timestamptz not null,
  type text not null,
  type_version smallint not null default 1,
  -- The stream's own count; account and key streams only.
  stream_version integer,
  account_id text,
  key_id text,
  mode text check (mode in ('live', 'test')),
  -- The call, and the name of its hold.
  request_id text,
  endpoint text,
  tariff text,
  credits bigint check (credits >= 0),
  quantity bigint check (quantity >= 0),
  status smallint,
  latency_ms integer,
  -- How lots move: held[i] is added to what lots[i] holds, moved[i] to what the type counts.
  lots bigint[],
  held bigint[],
  moved bigint[],
  actor text not null,
  instance text not null,
  -- The exact text that was written: json keeps it, jsonb would rewrite it.
  payload json not null,
  -- Personal data, encrypted under the account's own key.
  private bytea,
  leaf bytea not null,
  primary key (position, shard)
) partition by range (position);

create index events_by_account on events (account_id, position) where account_id is not null;
create index events_by_request on events (request_id) where request_id is not null;
create index events_of_streams on events (shard, position) where stream_version is not null;
create index events_by_time on events using brin (recorded_at);

-- A gateway's lane: the last batch it sent and what was answered, so that sending it again is safe.
create table lanes (
  lane uuid not null,
  shard smallint not null,
  instance text not null,
  seq bigint not null default 0,
  recorded_at timestamptz not null default clock_timestamp(),
  verdicts text[],
  positions bigint[],
  available bigint[],
  primary key (lane, shard)
) with (fillfactor = 50);

-- Commands that were carried out, by the id their sender gave: the same again answers as the first time.
create table commands (
  command_id text not null,
  shard smallint not null,
  request_hash text not null,
  answer jsonb not null,
  recorded_at timestamptz not null,
  primary key (command_id, shard)
);

-- An account's key for its private fields. Erasing an account deletes the row; the log stays whole.
create table account_secrets (
  account_id text not null,
  shard smallint not null,
  secret bytea not null,
  primary key (account_id, shard)
);

-- How far each projection has applied the log.
create table checkpoints (
  projection text not null,
  shard smallint not null,
  version integer not null,
  position bigint not null default 0,
  primary key (projection, shard)
);

create aggregate merge_changes (jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');
