-- Takes an account's debt from lots, in their order, as much of it as one event can say: the next append takes the rest. Returns
-- the last position written: in_position where nothing is owed or nothing is free. Whoever calls this holds the shard's lock.
create or replace function repay_debt(
  in_shard smallint, in_position bigint, in_now timestamptz, in_instance text,
  in_account text, in_mode text, in_lots bigint[], in_free bigint[]
) returns bigint
language plpgsql as $$
declare
  v_debt bigint;
  v_left bigint;
  v_lots bigint[] := '{}';
  v_moved bigint[] := '{}';
begin
  select least(b.debt, {{max_amount}}) into v_debt from balances b
    where b.account_id = in_account and b.mode = in_mode and b.shard = in_shard;
  v_left := v_debt;
  for n in 1..cardinality(in_lots) loop
    exit when v_left = 0;
    continue when in_free[n] = 0;
    v_lots := v_lots || in_lots[n];
    v_moved := v_moved || least(in_free[n], v_left);
    v_left := v_left - least(in_free[n], v_left);
  end loop;
  if v_left < v_debt then
    in_position := in_position + 1;
    perform write_event(in_shard, in_position, in_now, 'CreditsAdjusted', 'ledger', in_instance, '{"repaysDebt":true}',
      in_account => in_account, in_mode => in_mode, in_credits => v_debt - v_left, in_lots => v_lots, in_moved => v_moved);
  end if;
  return in_position;
end
$$;
