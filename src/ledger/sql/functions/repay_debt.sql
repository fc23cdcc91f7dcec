-- Takes an account's debt from a lot that was just granted. Returns the last position written: the lot's own where nothing is
-- owed. Whoever calls this holds the shard's lock.
create or replace function repay_debt(
  in_shard smallint, in_lot bigint, in_now timestamptz, in_instance text,
  in_account text, in_mode text, in_granted bigint
) returns bigint
language plpgsql as $$
declare
  v_debt bigint;
begin
  select least(b.debt, in_granted) into v_debt from balances b
    where b.account_id = in_account and b.mode = in_mode and b.shard = in_shard;
  if v_debt is null or v_debt = 0 then
    return in_lot;
  end if;
  perform write_event(in_shard, in_lot + 1, in_now, 'CreditsAdjusted', 'ledger', in_instance, '{"repaysDebt":true}',
    in_account => in_account, in_mode => in_mode, in_credits => v_debt,
    in_lots => array[in_lot], in_moved => array[v_debt]);
  return in_lot + 1;
end
$$;
