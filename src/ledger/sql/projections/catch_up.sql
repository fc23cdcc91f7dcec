-- Moves a projection along the log by so many positions at most: rows and checkpoint in one transaction, one mover at a time.
-- Returns how many positions are left.
-- Planned once, as whatever is left is little beside the log, and grouped without being sorted. Before version 18, PostgreSQL
-- takes a plan that sorts all the same for so costly that it would compile it each time, for ten times as long as it runs.
create or replace function catch_up_{{projection}}(in_shard smallint, in_max bigint) returns bigint
language plpgsql security definer set search_path from current
  set plan_cache_mode = force_generic_plan set enable_sort = off set jit = off as $$
declare
  v_from bigint;
  v_to bigint;
  v_head bigint;
begin
  select position into v_from from projection_checkpoints
    where projection = '{{projection}}' and shard = in_shard for update skip locked;
  if v_from is null then
    return 0;
  end if;
  select position into v_head from heads where shard = in_shard;
  v_to := least(v_head, v_from + in_max);
  if v_to > v_from then
    {{statements}}
    update projection_checkpoints set position = v_to where projection = '{{projection}}' and shard = in_shard;
  end if;
  return v_head - v_to;
end
$$;
