-- Time zones of budgets that the server does not know, such as after another time-zone database came with an update: how many accounts
-- have them, and one of those.
create or replace function unknown_time_zones_v1() returns table (time_zone text, accounts bigint, account_id text)
language plpgsql stable security definer set search_path from current as $$
declare
  r record;
begin
  for r in
    select b ->> 'timeZone' as zone, count(distinct o.account_id) as accounts, min(o.account_id) as first
    from (
      select a.account_id, a.budgets from account_state a
      union all
      select k.account_id, k.budgets from key_state k where k.revoked_at is null
    ) o
    cross join jsonb_array_elements(o.budgets) b
    group by 1
    order by 1
  loop
    begin
      perform ledger_now() at time zone r.zone;
    exception when invalid_parameter_value then
      time_zone := r.zone;
      accounts := r.accounts;
      account_id := r.first;
      return next;
    end;
  end loop;
end
$$;
