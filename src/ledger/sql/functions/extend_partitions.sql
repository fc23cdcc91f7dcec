-- Makes the partitions that a growing log will need, ahead of it: a standalone table that is then
-- attached, for CREATE … PARTITION OF behind a reader stalls appends. Answers how many lie ahead.
create or replace function extend_partitions(in_size bigint default 4000000, in_ahead integer default 2)
returns integer
language plpgsql security definer set search_path from current as $$
declare
  v_head bigint;
  v_first bigint;
  v_name text;
begin
  perform pg_advisory_xact_lock(hashtext(current_schema() || '.partitions'));
  select coalesce(max(position), 0) into v_head from heads;
  for v_step in 0..in_ahead loop
    v_first := ((v_head + 1) / in_size + v_step) * in_size;
    v_name := 'events_' || lpad(v_first::text, 13, '0');
    continue when to_regclass(v_name) is not null;
    execute format('create table %I (like events including defaults including constraints including storage)', v_name);
    execute format('alter table %I add constraint bounds check (position >= %s and position < %s)', v_name, v_first, v_first + in_size);
    execute format('alter table %I set (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05)', v_name);
    execute format('create trigger refuse_truncate before truncate on %I execute function refuse_change()', v_name);
    execute format('alter table events attach partition %I for values from (%s) to (%s)', v_name, v_first, v_first + in_size);
    execute format('alter table %I drop constraint bounds', v_name);
  end loop;
  return in_ahead;
end
$$;
