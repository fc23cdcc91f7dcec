-- What an account's plan gives for the present month; null without a plan. Of a prorated plan that was taken in this month, it is the
-- part of the UTC days that are left, the day at which it was taken among them, rounded up to a credit.
create or replace function allowance_of_month(in_shard smallint, in_now timestamptz, in_account text) returns bigint
language sql stable as $$
  select case when tp.monthly_terms ->> 'firstMonth' = 'prorated' and p.taken_on > m.first_day
    then (tp.credits * (m.next_first_day - p.taken_on) + (m.next_first_day - m.first_day - 1)) / (m.next_first_day - m.first_day)
    else tp.credits end
  from (
    select p.plan, (p.starts_at at time zone 'UTC')::date as taken_on
    from account_plans p
    where p.account_id = in_account and p.shard = in_shard and p.starts_at <= in_now
    order by p.position desc limit 1
  ) p
  join tariff_plans tp on tp.plan = p.plan and tp.hash = tariff_at(in_shard, in_now) and tp.shard = in_shard
  cross join lateral (
    select first_day::date as first_day, (first_day + interval '1 month')::date as next_first_day
    from date_trunc('month', in_now at time zone 'UTC') first_day
  ) m
$$;
