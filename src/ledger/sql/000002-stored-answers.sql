-- Answers to calls that named an Idempotency-Key, kept for their retries; sealed under the account's key.
-- They stand beside the log: what they are worth is forgotten after a day, and what was charged is not.
create table stored_answers (
  key_id text not null,
  -- As in the claim.
  claim text not null,
  shard smallint not null,
  -- Whose work this answers.
  hold_id text not null,
  quantity bigint not null,
  answer bytea not null,
  stored_at timestamptz not null,
  primary key (key_id, claim, shard)
);

create index stored_answers_by_time on stored_answers (stored_at);
