-- A page of the charges of an account, the newest first: those before a position, where one is given. One page looks through so many
-- events of the account at most, and `oldest` is the last of them (null: all were looked through). The index has the events in their order, and of an
-- account with very many only its end is to be read: so nothing is sorted, whatever the planner expects.
create or replace function charges_of(
  in_shard smallint, in_account text, in_before bigint, in_limit integer, in_max_scanned integer
) returns table (oldest bigint, charges json)
language sql stable set enable_sort = off set enable_bitmapscan = off set jit = off as $$
  with o as materialized (
    select (
      select e.position from events e
      where e.account_id = in_account and e.shard = in_shard and e.position < coalesce(in_before, 9223372036854775807)
      order by e.position desc offset in_max_scanned - 1 limit 1
    ) as oldest
  )
  select o.oldest, c.charges
  from o
  cross join lateral (
    select coalesce(json_agg(json_build_object('requestId', p.request_id, 'keyId', p.key_id, 'mode', p.mode,
      'endpoint', p.endpoint, 'credits', p.credits, 'refunded', p.refunded, 'quantity', p.quantity, 'tariff', p.tariff,
      'settledAt', to_char(p.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'position', p.position)
      order by p.position desc), '[]') as charges
    from (
      select e.*, (
        select coalesce(sum(r.credits), 0)::bigint from events r
        where r.request_id = e.request_id and r.type = 'ChargeRefunded' and not {{is_opening}}
      ) as refunded
      from events e
      where e.account_id = in_account and e.shard = in_shard and e.position < coalesce(in_before, 9223372036854775807)
        and e.position >= coalesce(o.oldest, 1) and e.type = 'HoldSettled'
      order by e.position desc limit in_limit
    ) p
  ) c
$$;
