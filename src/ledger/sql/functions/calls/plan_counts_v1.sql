-- How many accounts are on each plan now, without erased ones, and how many keys they have, without revoked ones. It reads every
-- account and key.
create or replace function plan_counts_v1() returns table (plan text, accounts bigint, keys bigint)
language sql stable security definer set search_path from current as $$
  with plans as (
    select distinct on (p.shard, p.account_id) p.shard, p.account_id, p.plan
    from account_plans p cross join (select ledger_now() as now) t
    where p.starts_at <= t.now
    order by p.shard, p.account_id, p.position desc
  )
  select p.plan, count(*), coalesce(sum(k.keys), 0)::bigint
  from plans p
  join account_state a on a.account_id = p.account_id and a.shard = p.shard and not a.erased
  left join (
    select shard, account_id, count(*) as keys
    from key_state where revoked_at is null group by shard, account_id
  ) k on k.account_id = p.account_id and k.shard = p.shard
  group by p.plan
  order by p.plan
$$;
