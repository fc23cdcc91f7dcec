-- A settle takes what was used from the lots that its hold drew on, in their order, and frees the rest. Release and expire
-- free it all. What returns to a lot that is not live any more lapses there.
begin
  v_left := case when command.kind = 'settle' then in_credits[command.nth] else 0 end;
  v_moved_lots := command.hold_lots;
  v_held := '{}';
  v_moved := '{}';
  for n in 1..cardinality(command.hold_lots) loop
    v_taken := least(command.hold_held[n], v_left);
    v_left := v_left - v_taken;
    v_held := v_held || -command.hold_held[n];
    v_moved := v_moved || v_taken;
    v_index := array_position(account.lots, command.hold_lots[n]);
    if v_index is not null then
      account.lot_free[v_index] := account.lot_free[v_index] + command.hold_held[n] - v_taken;
      account.available := account.available + command.hold_held[n] - v_taken;
    end if;
  end loop;
end
