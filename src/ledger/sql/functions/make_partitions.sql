-- Makes partitions of so many positions until they reach so many partitions beyond the log's end, and returns how many it made.
-- Each is made as a table of its own and then attached, since CREATE … PARTITION OF waits for readers and appends wait behind
-- it. A new partition begins where the last one ends, whatever its size, so there is never a gap.
--
-- Each partition has a unique index of its own over the events that open a request. An index of all partitions would have to
-- have the position in its key, and would let a request be opened twice.
create or replace function make_partitions(in_size bigint, in_count integer) returns integer
language plpgsql as $make$
declare
  v_head bigint;
  v_next bigint;
  v_made integer := 0;
  v_name text;
begin
  -- One maker at a time. The lock is the one that attaching takes: appends do not wait for it.
  lock table only events in share update exclusive mode;
  select coalesce(max(position), 0) into v_head from heads;
  select coalesce(max(substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''(\d+)''\)')::bigint), 0) into v_next
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'events'::regclass;
  while v_next <= v_head + in_size * in_count loop
    v_name := 'events_' || lpad(v_next::text, 13, '0');
    execute format('create table %I (like events including defaults including constraints including storage)', v_name);
    execute format('alter table %I add constraint bounds check (position >= %s and position < %s)', v_name, v_next, v_next + in_size);
    execute format('alter table %I set (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05)', v_name);
    execute format('create trigger refuse_truncate before truncate on %I execute function refuse_change()', v_name);
    execute format('create unique index %I on %I (request_id, shard) where %s', v_name || '_openings', v_name,
      $${{is_opening}}$$);
    execute format('alter table events attach partition %I for values from (%s) to (%s)', v_name, v_next, v_next + in_size);
    execute format('alter table %I drop constraint bounds', v_name);
    v_next := v_next + in_size;
    v_made := v_made + 1;
  end loop;
  return v_made;
end
$make$;
