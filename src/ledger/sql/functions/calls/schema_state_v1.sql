-- For which version of the program the ledger is set up: its last migration, and of each projection the oldest version among the
-- shards.
create or replace function schema_state_v1() returns table (migration integer, versions json)
language sql stable security definer set search_path from current as $$
  select (select max(id) from migrations), (
    select json_object_agg(projection, version)
    from (select projection, min(version) as version from projection_checkpoints group by projection) oldest
  )
$$;
