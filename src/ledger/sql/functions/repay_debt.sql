-- Takes an account's debt from lots, in their order, by as many events as it takes: one says no more than an amount can be. Returns
-- the last position written: in_position where nothing is owed or nothing is free. Whoever calls this holds the shard's lock.
create or replace function repay_debt(
  in_shard smallint, in_position bigint, in_now timestamptz, in_instance text,
  in_account text, in_mode text, in_lots bigint[], in_free bigint[]
) returns bigint
language plpgsql as $$
declare
  v_debt bigint;
  v_most bigint;
  v_left bigint;
  v_taken bigint;
  v_lots bigint[];
  v_moved bigint[];
begin
  select b.debt into v_debt from balances b where b.account_id = in_account and b.mode = in_mode and b.shard = in_shard;
  while v_debt > 0 loop
    v_most := least(v_debt, {{max_amount}});
    v_left := v_most;
    v_lots := '{}';
    v_moved := '{}';
    for n in 1..cardinality(in_lots) loop
      exit when v_left = 0;
      v_taken := least(in_free[n], v_left);
      continue when v_taken = 0;
      v_lots := v_lots || in_lots[n];
      v_moved := v_moved || v_taken;
      in_free[n] := in_free[n] - v_taken;
      v_left := v_left - v_taken;
    end loop;
    exit when v_left = v_most;
    in_position := in_position + 1;
    perform write_event(in_shard, in_position, in_now, 'CreditsAdjusted', 'ledger', in_instance, '{"repaysDebt":true}',
      in_account => in_account, in_mode => in_mode, in_credits => v_most - v_left, in_lots => v_lots, in_moved => v_moved);
    v_debt := v_debt - (v_most - v_left);
  end loop;
  return in_position;
end
$$;
