-- Takes the purchase's credits from lots, in draw order. A lease draws in the reverse order: it keeps what would be spent
-- last, so that what expires first is still spent first.
declare
  v_left bigint;
  v_taken bigint;
  v_index integer;
begin
  v_moved_lots := '{}';
  v_held := '{}';
  v_left := in_credits[command.nth];
  for n in 1..cardinality(account.lots) loop
    exit when v_left = 0;
    v_index := case command.kind when 'lease' then cardinality(account.lots) + 1 - n else n end;
    v_taken := least(account.lot_free[v_index], v_left);
    continue when v_taken = 0 or account.lots[v_index] >= command.lots_before;
    v_moved_lots := v_moved_lots || account.lots[v_index];
    v_held := v_held || v_taken;
    account.lot_free[v_index] := account.lot_free[v_index] - v_taken;
    v_left := v_left - v_taken;
  end loop;
  account.available := account.available - in_credits[command.nth];
  available[command.nth] := greatest(account.available, 0);
end
