-- Open holds and leases of a shard whose time is over, the oldest first: what an expire names.
create or replace function overdue_holds_v1(in_shard smallint, in_max integer)
returns table (hold_id text, account_id text, key_id text, mode text, endpoint text, tariff text)
language plpgsql stable security definer set search_path from current as $$
#variable_conflict use_column
begin
  return query
    select o.hold_id, o.account_id, o.key_id, o.mode, o.endpoint, o.tariff
    from open_holds o
    where o.shard = in_shard and o.expires_at < ledger_now()
    order by o.expires_at
    limit in_max;
end
$$;
