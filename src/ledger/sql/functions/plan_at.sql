-- An account's plan at a time.
create or replace function plan_at(in_shard smallint, in_account text, in_time timestamptz) returns text
language sql stable as $$
  select p.plan from account_plans p
  where p.account_id = in_account and p.shard = in_shard and p.starts_at <= in_time
  order by p.position desc limit 1
$$;
