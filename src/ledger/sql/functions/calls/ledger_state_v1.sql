-- Figures of the ledger's state, for metrics: cheap enough to be read every second. `partitions` counts those that lie wholly ahead
-- of the log.
create or replace function ledger_state_v1() returns table (open_holds bigint, overdue_holds bigint, partitions bigint, heads json)
language sql stable security definer set search_path from current as $$
  select h.open, h.overdue, p.ready, (
    select json_agg(json_build_object('shard', shard, 'position', position, 'divergence', divergence) order by shard)
    from heads
  )
  from (
    select count(*) as open, count(*) filter (where expires_at < t.now) as overdue
    from open_holds cross join (select ledger_now() as now) t
  ) h
  cross join (
    select count(*) as ready
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'events'::regclass
      and substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \(''(\d+)''\)')::bigint
        > (select max(position) from heads)
  ) p
$$;
