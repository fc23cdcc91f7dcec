-- The month's first purchase brings the allowance that is due, as a lot of its own before the purchase's event.
begin
  if v_allowance_due > 0 and v_lots_before is null then
    -- Allowances are drawn first, the older before the newer.
    v_lots := v_lots[:v_allowance_lots] || v_position + 1 || v_lots[v_allowance_lots + 1:];
    v_lot_free := v_lot_free[:v_allowance_lots] || v_allowance_due - v_debt_repaid || v_lot_free[v_allowance_lots + 1:];
    v_allowance_lots := v_allowance_lots + 1;
    v_position := grant_allowance(in_shard, v_position + 1, v_now, v_producer.instance, command.account_id, command.mode,
      v_allowance_due);
    v_allowance_due := 0;
  end if;
end
