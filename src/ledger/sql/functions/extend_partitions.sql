-- Makes the partitions that a growing log will need, ahead of it, and returns how many.
create or replace function extend_partitions() returns integer
language sql security definer set search_path from current as $$
  select make_partitions(4000000, 2)
$$;
