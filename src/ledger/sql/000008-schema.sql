-- The schema: the log's heads and events, producers, management commands, accounts' secrets, stored responses
-- and withheld ones. Every table carries its shard, and no row spans two shards. Projections bring their own tables.

create table heads (
  shard smallint primary key,
  position bigint not null default 0,
  -- Of the last event.
  recorded_at timestamptz not null default clock_timestamp(),
  event_hash bytea not null default '',
  -- Where the partition of the last event ends (0 until that is known), and when the shard's events in it begin (null in the
  -- first partition).
  partition_end bigint not null default 0,
  partition_started_at timestamptz,
  -- Raised when the owner accepts that a restored log has lost events.
  epoch integer not null default 1,
  -- The last reading of the clock that was accepted.
  clock_at timestamptz not null default clock_timestamp(),
  -- How the log was found to be another one than a gateway has seen. Nothing more is written until the owner accepts the loss.
  divergence text
) with (fillfactor = 10);

create table events (
  shard smallint not null,
  position bigint not null,
  -- Taken after the shard's lock: never runs backwards along position.
  recorded_at timestamptz not null,
  -- The time that counts for days and months: for what resolves a hold, the hold's.
  occurred_at timestamptz not null,
  type text not null,
  -- The stream's own count; account and key streams only.
  stream_version integer,
  account_id text,
  key_id text,
  mode text check (mode in ('live', 'test')),
  -- The call, and the name of its hold.
  request_id text,
  endpoint text,
  tariff text,
  credits bigint check (credits between 0 and 1000000000000),
  quantity bigint check (quantity between 0 and 1000000000000),
  -- Of a lease and its end: how many calls it is for at once. Other events have none, and a lease has no endpoint.
  slots integer check (slots > 0),
  status smallint check (status between 0 and 999),
  latency_ms integer check (latency_ms >= 0),
  -- How lots move: held[i] is added to what lots[i] holds, moved[i] to what the type counts.
  lots bigint[],
  held bigint[],
  moved bigint[],
  actor text not null,
  instance text not null,
  -- The exact text that was written: json keeps it, jsonb would rewrite it.
  payload json not null check (json_typeof(payload) = 'object'),
  -- json takes these escapes of NUL and of half a pair as they are, and whoever reads the field gets an error.
  constraint payload_is_readable check (strpos(payload::text, '\u0000') = 0 and strpos(payload::text, '\ud') = 0),
  -- Personal data, encrypted under the account's secret.
  private bytea,
  event_hash bytea not null,
  -- What a key's calls do names the endpoint, except a lease and its end: usage is added up by it.
  constraint calls_name_their_endpoint
    check (key_id is null or stream_version is not null or (endpoint is null) = (slots is not null)),
  -- Longer texts than these do not fit an index, so that a projection that has them could not be built.
  constraint names_are_short check (octet_length(account_id) <= 500 and octet_length(key_id) <= 500
    and octet_length(request_id) <= 500 and octet_length(endpoint) <= 500 and octet_length(tariff) <= 500),
  primary key (position, shard)
) partition by range (position);

create index events_by_account on events (account_id, position) where account_id is not null;
-- Events of a request, but for the one that opens it. That stands in a unique index of its partition, see make_partitions.
create index events_by_request on events (request_id) where request_id is not null and not {{is_opening}};
create index events_of_streams on events (shard, position) where stream_version is not null;
create index events_by_time on events using brin (recorded_at);
-- Events that no call makes are rare, and a reader of a long log finds them here. `migrate` inserts the condition, which
-- leaves the catalogue's frequent types out. A query that leaves them out too, or that names others, can use the index.
create index events_rare on events (shard, position) where {{is_rare}};

-- Who looks up what a gateway had delivered that is long gone finds it here.
create index events_fenced on events ((payload ->> 'instance')) where type = 'ProducerFenced';

-- A gateway's producer: the last batch that it sent and its result, so that sending the batch again is safe.
create table producers (
  producer uuid not null,
  shard smallint not null,
  -- Names it in every event.
  instance text not null,
  sequence bigint not null default 0,
  -- Hash of the batch's content.
  content text,
  recorded_at timestamptz not null,
  -- Since when it has sent a batch every few seconds.
  steady_since timestamptz not null,
  -- Where the log ended when the producer last got a reply. Its next batch repeats it.
  epoch integer not null,
  position bigint not null,
  event_hash bytea not null,
  verdicts text[],
  positions bigint[],
  available bigint[],
  -- The response of every charge up to this position has left the gateway, or was withheld.
  delivered bigint not null default 0,
  -- Once fenced, it appends nothing more.
  fenced_at timestamptz,
  primary key (producer, shard)
) with (fillfactor = 50);

-- Management commands that were executed, by the id that their sender gave. The same command sent again gets the
-- same result.
create table management_commands (
  command_id text not null,
  shard smallint not null,
  request_hash text not null,
  result jsonb not null,
  recorded_at timestamptz not null,
  primary key (command_id, shard)
);

-- The encryption key of an account, for its private fields. Erasing the account deletes the row; the log stays whole.
create table account_secrets (
  account_id text not null,
  shard smallint not null,
  secret bytea not null,
  primary key (account_id, shard)
);

-- How far each projection has applied the log.
create table projection_checkpoints (
  projection text not null,
  shard smallint not null,
  version integer not null,
  position bigint not null default 0,
  primary key (projection, shard)
);

-- Responses to calls that named an Idempotency-Key, kept for their retries and sealed under the account's secret.
-- They stand beside the log: a response is forgotten after a day, its charge is not.
create table stored_responses (
  key_id text not null,
  -- As in the claim.
  claim text not null,
  shard smallint not null,
  -- The hold of the call that this responds to.
  hold_id text not null,
  quantity bigint not null,
  response bytea not null,
  stored_at timestamptz not null,
  -- When the response was first given again.
  replayed_at timestamptz,
  primary key (key_id, claim, shard)
);

create index stored_responses_by_time on stored_responses (stored_at);

-- Charges whose responses their gateways withheld, because they did not learn in time that the charge was written.
create table withheld (
  position bigint not null,
  shard smallint not null,
  primary key (position, shard)
);

create aggregate merge_changes (jsonb) (sfunc = jsonb_concat, stype = jsonb, initcond = '{}');

-- The sum of bigints as a bigint, and 0 of none. PostgreSQL's own sum counts in numerics, which takes longer and keeps
-- memory for each sum of each group. A range of the log is added up by it, of a few million amounts of 10^12 at most, and what
-- may be longer is numeric.
create aggregate total (bigint) (sfunc = int8pl, stype = bigint, initcond = '0', combinefunc = int8pl, parallel = safe);
