-- Grants the trial of the plan that an account has taken, in each mode, unless a plan has given it one before. It is a lot like any
-- other, so it repays the account's debt first. Returns the last position written. Whoever calls this holds the shard's lock.
create or replace function grant_trials(
  in_shard smallint, in_position bigint, in_now timestamptz, in_instance text, in_account text
) returns bigint
language plpgsql as $$
declare
  v_lot bigint;
  v_credits bigint;
  r record;
begin
  for r in
    select m.mode, tp.trial
    from unnest(array['live', 'test']) with ordinality as m (mode, nth)
    join tariff_plans tp on tp.hash = tariff_at(in_shard, in_now) and tp.shard = in_shard
      and tp.plan = plan_at(in_shard, in_account, in_now)
    where tp.trial is not null and not exists (
      select from lots l where l.account_id = in_account and l.mode = m.mode and l.kind = 'trial' and l.shard = in_shard)
    order by m.nth
  loop
    v_lot := in_position + 1;
    v_credits := (r.trial ->> 'credits')::bigint;
    perform write_event(in_shard, v_lot, in_now, 'CreditsGranted', 'ledger', in_instance,
      format('{"expiresAt":"%s","kind":"trial","startsAt":"%s"}',
        event_time(in_now + (r.trial ->> 'days')::integer * interval '24 hours'), event_time(in_now)),
      in_account => in_account, in_mode => r.mode, in_credits => v_credits);
    in_position := repay_debt(in_shard, v_lot, in_now, in_instance, in_account, r.mode, array[v_lot], array[v_credits]);
  end loop;
  return in_position;
end
$$;
