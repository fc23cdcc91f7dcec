drop function if exists budgets_of_key(jsonb, jsonb, text, text);
-- The budgets of an account, those of its groups included, and a key's own, by their names.
create or replace function named_budgets(in_of_account jsonb, in_of_key jsonb, in_key text) returns table (
  budget text, credits bigint, per text, zone text, warns_only boolean, scope text, "group" text, nth bigint
)
language sql immutable as $$
  select format('%s %s %s', s.scope, b.budget ->> 'per', b.budget ->> 'timeZone'), (b.budget ->> 'credits')::bigint,
    b.budget ->> 'per', b.budget ->> 'timeZone', b.budget ? 'warnsOnly', s.scope, b."group", b.nth
  from (
    select a.budget, a.nth, a.budget ->> 'group' as "group", false as is_own from jsonb_array_elements(in_of_account) with ordinality as a (budget, nth)
    union all
    select k.budget, k.nth, null, true from jsonb_array_elements(in_of_key) with ordinality as k (budget, nth)
  ) b
  cross join lateral (
    select case when b.is_own then 'key ' || in_key when b."group" is null then 'account' else 'group ' || b."group" end as scope
  ) s
$$;
