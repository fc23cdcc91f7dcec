-- What an account's plan gives for overage in this month, as one lot: 0 where that was given, null where the plan has none.
create or replace function overage_due(in_shard smallint, in_now timestamptz, in_account text, in_mode text) returns bigint
language sql stable as $$
  select case when exists (
      select from lots l
      where l.account_id = in_account and l.mode = in_mode and l.shard = in_shard and l.expires_at > in_now
        and l.starts_at <= in_now and l.kind = 'overage'
    ) then 0 else (tp.monthly_terms #>> '{overage,max}')::bigint end
  from tariff_plans tp
  where tp.shard = in_shard and tp.hash = tariff_at(in_shard, in_now)
    and tp.plan = plan_at(in_shard, in_account, in_now)
$$;
