-- Grants an account's allowance of the month: the whole of it when the month's first credits are needed, the difference after
-- an upgrade. It is a lot like any other, so it repays the account's debt first. Returns the last position written. Whoever
-- calls this holds the shard's lock.
create or replace function grant_allowance(
  in_shard smallint, in_position bigint, in_now timestamptz, in_instance text,
  in_account text, in_mode text, in_credits bigint
) returns bigint
language plpgsql as $$
declare
  v_month timestamptz := date_trunc('month', in_now at time zone 'UTC') at time zone 'UTC';
  v_next timestamptz := (date_trunc('month', in_now at time zone 'UTC') + interval '1 month') at time zone 'UTC';
begin
  perform write_event(in_shard, in_position, in_now, 'CreditsGranted', 'ledger', in_instance,
    format('{"expiresAt":"%s","kind":"allowance","startsAt":"%s"}',
      to_char(v_next at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      to_char(v_month at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
    in_account => in_account, in_mode => in_mode, in_credits => in_credits);
  return repay_debt(in_shard, in_position, in_now, in_instance, in_account, in_mode, array[in_position], array[in_credits]);
end
$$;
