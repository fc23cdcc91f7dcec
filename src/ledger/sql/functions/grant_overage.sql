-- Gives an account the month's overage by its plan: a lot of the month that is drawn on after all others, and repays no debt. What is used
-- of it is billed by the terms that its event has, whatever plan the account has later. Whoever calls this holds the shard's lock.
create or replace function grant_overage(
  in_shard smallint, in_position bigint, in_now timestamptz, in_instance text, in_account text, in_mode text
) returns void
language plpgsql as $$
declare
  v_month timestamp := date_trunc('month', in_now at time zone 'UTC');
  v_overage jsonb := (
    select tp.monthly_terms -> 'overage' from tariff_plans tp
    where tp.hash = tariff_at(in_shard, in_now) and tp.plan = plan_at(in_shard, in_account, in_now) and tp.shard = in_shard);
begin
  perform write_event(in_shard, in_position, in_now, 'CreditsGranted', 'ledger', in_instance,
    format('{"expiresAt":"%s","kind":"overage","overage":{"fee":{"currency":%s,"minorUnits":%s},"per":%s},"startsAt":"%s"}',
      to_char(v_month + interval '1 month', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      v_overage #> '{fee,currency}', v_overage #> '{fee,minorUnits}', v_overage -> 'per',
      to_char(v_month, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
    in_account => in_account, in_mode => in_mode, in_credits => (v_overage ->> 'max')::bigint);
end
$$;
