-- Stores calls that were refused, and keeps so many of each account: the last ones. They decide nothing.
create or replace function store_refusals_v1(in_calls json, in_max integer) returns void
language plpgsql security definer set search_path from current as $$
begin
  insert into refused_calls (request_id, account_id, key_id, mode, endpoint, reason, figures, refused_at)
  select c."requestId", c."accountId", c."keyId", c.mode, c.endpoint, c.reason, c.figures,
    ledger_now() - make_interval(secs => c."ageMs" / 1000)
  from json_to_recordset(in_calls) as c ("requestId" text, "accountId" text, "keyId" text, mode text, endpoint text,
    reason text, figures json, "ageMs" float8)
  on conflict (request_id) do nothing;

  delete from refused_calls r
  using (select distinct c."accountId" as account_id from json_to_recordset(in_calls) as c ("accountId" text)) a
  where r.account_id = a.account_id and r.refused_at < (
    select k.refused_at from refused_calls k where k.account_id = a.account_id
    order by k.refused_at desc offset in_max - 1 limit 1
  );
end
$$;
