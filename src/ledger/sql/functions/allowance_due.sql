-- What the account's plan gives for this month beyond what was granted already; null without a plan. A debt of the account
-- is repaid from it when it is granted, and is not deducted here.
create or replace function allowance_due(in_shard smallint, in_now timestamptz, in_account text, in_mode text)
returns bigint
language sql stable as $$
  select case when tp.monthly_terms is null then tp.credits else allowance_of_month(in_shard, in_now, in_account) end - coalesce((
    select b.allowance_granted from balances b
    where b.account_id = in_account and b.mode = in_mode and b.shard = in_shard
      and b.allowance_month = date_trunc('month', in_now at time zone 'UTC')::date), 0)
  from tariff_plans tp
  where tp.shard = in_shard and tp.hash = tariff_at(in_shard, in_now)
    and tp.plan = plan_at(in_shard, in_account, in_now)
$$;
