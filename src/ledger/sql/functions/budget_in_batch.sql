drop function if exists budget_in_batch(text, text, text, timestamptz);
-- What a batch calls a budget's span, while it notes what its commands change of an account's.
create or replace function budget_in_batch(in_budget text, in_starts_at timestamptz) returns text
language sql immutable as $$
  select concat_ws(' ', extract(epoch from in_starts_at)::bigint, in_budget)
$$;
