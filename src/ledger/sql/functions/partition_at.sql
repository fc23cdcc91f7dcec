-- Where the partition begins that a position belongs to, and where the next one does.
create or replace function partition_at(in_position bigint, out first_position bigint, out next_position bigint)
language sql stable as $$
  select b.bounds[1]::bigint, b.bounds[2]::bigint
  from pg_inherits i
  join pg_class c on c.oid = i.inhrelid
  cross join lateral (
    select regexp_match(pg_get_expr(c.relpartbound, c.oid), '(\d+).* TO \(''(\d+)') as bounds
  ) b
  where i.inhparent = 'events'::regclass and in_position >= b.bounds[1]::bigint and in_position < b.bounds[2]::bigint
$$;
