-- Budgets with their present spans, and what calls of one mode have used in them: all of an account's and its groups' (in_key null), or
-- what a key's calls count in.
create or replace function budgets_of(in_account text, in_mode text, in_key text) returns jsonb
language sql stable as $$
  select coalesce(jsonb_agg(b.definition || jsonb_build_object('name', b.budget, 'used', b.used, 'left', greatest(b.credits - b.used, 0),
      'startsAt', b.starts_at, 'endsAt', span_end(b.per, b.zone, b.starts_at))
    order by b.scope <> 'account', b.scope, b.nth), '[]')
  from (
    select s.*, coalesce(u.used, 0) as used
    from (
      select a.account_id, a.shard, d.*, budget_span_start(d.per, d.zone, l.starts_at, greatest(ledger_now(), h.recorded_at)) as starts_at,
        jsonb_strip_nulls(jsonb_build_object('credits', d.credits, 'per', d.per, 'timeZone', d.zone,
          'warnsOnly', nullif(d.warns_only, false), 'group', d."group")) as definition
      from account_state a
      join heads h on h.shard = a.shard
      left join key_state k on k.key_id = in_key and k.shard = a.shard
      cross join lateral named_budgets(a.budgets, k.budgets, in_key) d
      cross join lateral (
        select max(u.starts_at) as starts_at from budget_use u
        where u.account_id = a.account_id and u.mode = in_mode and u.budget = d.budget and u.shard = a.shard
      ) l
      where a.account_id = in_account and (in_key is null or d."group" is null or d."group" = k.key_group)
    ) s
    left join budget_use u
      on u.account_id = s.account_id and u.mode = in_mode and u.budget = s.budget and u.starts_at = s.starts_at and u.shard = s.shard
  ) b
$$;
