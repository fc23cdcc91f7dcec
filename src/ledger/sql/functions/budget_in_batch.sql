-- What a batch calls a budget's span, while it notes what its commands change.
create or replace function budget_in_batch(in_account text, in_mode text, in_budget text, in_starts_at timestamptz) returns text
language sql immutable as $$
  select concat_ws(' ', in_account, in_mode, extract(epoch from in_starts_at)::bigint, in_budget)
$$;
