-- The hash of the tariff in force at a time.
create or replace function tariff_at(in_shard smallint, in_time timestamptz) returns text
language sql stable as $$
  {{tariff_in_force}}
$$;
