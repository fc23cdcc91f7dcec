-- The most credits that so many can cost by tiers, of which the account has had so many in the month, or more. A product is exact,
-- and a quotient of large numbers is not.
create or replace function most_of_tiers(in_up_to bigint[], in_rates numeric[], in_volume numeric, in_quantity bigint) returns numeric
language sql immutable as $$
  select ceil(max(t.rate) * in_quantity * 0.000001)
  from unnest(in_up_to, in_rates) t (up_to, rate)
  where t.up_to is null or t.up_to > in_volume
$$;
