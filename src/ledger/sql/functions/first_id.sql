-- The text with which the UUIDs of version 7 begin that are made at a time, rounded to the millisecond. It sorts before them,
-- and after all that are made earlier.
create or replace function first_id(in_time timestamptz) returns text
language sql stable as $$
  select overlay(lpad(to_hex((extract(epoch from in_time) * 1000)::bigint), 12, '0') placing '-' from 9 for 0)
$$;
