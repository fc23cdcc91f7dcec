-- An account's plan at a time.
create or replace function plan_at(in_shard smallint, in_account text, in_time timestamptz) returns text
language sql stable as $$
  {{plan_in_force}}
$$;
