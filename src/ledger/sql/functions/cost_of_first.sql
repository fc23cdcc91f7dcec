-- What the first so many of a month cost by tiers, in millionths of a credit.
-- @param in_up_to the last of each tier; null of the last one  @param in_rates what one costs in each
create or replace function cost_of_first(in_up_to bigint[], in_rates numeric[], in_volume numeric) returns numeric
language sql immutable as $$
  select sum(greatest(least(in_volume, t.up_to) - t.before, 0) * t.rate)
  from (
    select x.up_to, x.rate, coalesce(lag(x.up_to) over (order by x.nth), 0) as before
    from unnest(in_up_to, in_rates) with ordinality x (up_to, rate, nth)
  ) t
$$;
