drop function if exists move_budgets(jsonb, text, text, text, bigint);
-- Notes what a command changes of the budgets that it names, beside what the account's commands before it did.
create or replace function move_budgets(in_moved jsonb, in_spans text, in_credits bigint) returns jsonb
language sql stable as $$
  select coalesce(in_moved, '{}') || coalesce(jsonb_object_agg(b.name, coalesce((in_moved ->> b.name)::bigint, 0) + in_credits), '{}')
  from (
    select budget_in_batch(s.key, s.value::timestamptz) as name from json_each_text(in_spans::json) s
  ) b
$$;
