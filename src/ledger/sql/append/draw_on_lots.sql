-- Takes the purchase's credits from lots, in draw order. A lease draws in the reverse order: it keeps what would be spent
-- last, so that what expires first is still spent first.
declare
  v_left bigint;
  v_taken bigint;
  v_index integer;
begin
  v_moved_lots := '{}';
  v_held := '{}';
  v_left := command.credits;
  for n in 1..cardinality(v_lots) loop
    exit when v_left = 0;
    v_index := case command.kind when 'lease' then cardinality(v_lots) + 1 - n else n end;
    v_taken := least(v_lot_free[v_index], v_left);
    continue when v_taken = 0 or v_lots[v_index] >= v_lots_before;
    v_moved_lots := v_moved_lots || v_lots[v_index];
    v_held := v_held || v_taken;
    v_lot_free[v_index] := v_lot_free[v_index] - v_taken;
    v_left := v_left - v_taken;
  end loop;
  v_available := v_available - command.credits;
  available[command.nth] := greatest(v_available, 0);
end
