drop function if exists find_key_v1(text);
drop function if exists has_budgets_v1(text);
-- The key that a secret's hash belongs to, revoked or not, with what its account adds and the secret of that account. It is asked
-- once a second of a key that calls, so its plan is kept (plpgsql). An account without a secret buys nothing, as if it were erased:
-- its Idempotency-Keys could not be told apart.
create or replace function find_key_v1(in_hash text) returns table (
  shard smallint, key_id text, account_id text, owner_id text, mode text, key_version integer, account_version integer,
  display text, enabled boolean, revoked_at timestamptz, expires_at timestamptz, previous_until timestamptz, endpoints jsonb,
  key_rate_limit integer, monthly_cap bigint, has_budgets boolean, frozen boolean, plan text, plan_until timestamptz, account_rate_limit integer,
  max_in_flight integer, tariff text, account_secret bytea, private bytea, read_at timestamptz
)
language plpgsql stable security definer set search_path from current as $$
#variable_conflict use_column
begin
  return query
    select k.shard, k.key_id, k.account_id, a.owner_id, k.mode, k.version, a.version, k.display, k.enabled,
      k.revoked_at, k.expires_at, case when k.hash = in_hash then null else k.previous_until end,
      k.endpoints, k.rate_limit, k.monthly_cap, exists (
        select from named_budgets(a.budgets, k.budgets, k.key_id) b where b."group" is null or b."group" = k.key_group
      ), a.frozen or a.erased or s.secret is null, plan_at(k.shard, k.account_id, t.now),
      (select min(p.starts_at) from account_plans p
        where p.account_id = k.account_id and p.shard = k.shard and p.starts_at > t.now),
      a.rate_limit, a.max_in_flight, tariff_at(k.shard, t.now), s.secret, k.private, t.now
    from (
      select * from key_state where hash = in_hash
      union all
      select * from key_state where previous_hash = in_hash and previous_until is not null
    ) k
    join account_state a on a.account_id = k.account_id and a.shard = k.shard
    left join account_secrets s on s.account_id = k.account_id and s.shard = k.shard
    -- As the append decides: a clock that was set back does not undo what has begun.
    cross join lateral (
      select greatest(ledger_now(), h.recorded_at) as now from heads h where h.shard = k.shard
    ) t
    limit 1;
end
$$;
