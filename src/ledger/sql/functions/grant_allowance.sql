-- Grants an account's allowance of the month: the whole of it when the month's first credits are needed, the difference after
-- an upgrade. With a plan that lets it roll over it is good for longer. It is a lot like any other, so it repays the account's debt first. Returns the last position written. Whoever
-- calls this holds the shard's lock.
create or replace function grant_allowance(
  in_shard smallint, in_position bigint, in_now timestamptz, in_instance text,
  in_account text, in_mode text, in_credits bigint
) returns bigint
language plpgsql as $$
declare
  v_month timestamptz := date_trunc('month', in_now at time zone 'UTC') at time zone 'UTC';
  v_rollover jsonb := (
    select tp.rollover from tariff_plans tp
    where tp.hash = tariff_at(in_shard, in_now) and tp.plan = plan_at(in_shard, in_account, in_now) and tp.shard = in_shard);
  v_end timestamptz := (date_trunc('month', in_now at time zone 'UTC')
    + (1 + coalesce((v_rollover ->> 'months')::integer, 0)) * interval '1 month') at time zone 'UTC';
begin
  perform write_event(in_shard, in_position, in_now, 'CreditsGranted', 'ledger', in_instance,
    format('{"expiresAt":"%s","kind":"allowance",%s"startsAt":"%s"}',
      to_char(v_end at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      '"rollover":{"max":' || (v_rollover ->> 'max') || '},',
      to_char(v_month at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
    in_account => in_account, in_mode => in_mode, in_credits => in_credits);
  return repay_debt(in_shard, in_position, in_now, in_instance, in_account, in_mode, array[in_position], array[in_credits]);
end
$$;
