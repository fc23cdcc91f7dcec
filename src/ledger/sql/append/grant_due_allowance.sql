-- The month's first purchase brings the allowance that is due, as a lot of its own before the purchase's event.
begin
  if account.allowance_due > 0 and command.lots_before is null then
    -- Allowances are drawn first, the older before the newer.
    account.lots := account.lots[:account.allowance_lots] || v_position + 1 || account.lots[account.allowance_lots + 1:];
    account.lot_free := account.lot_free[:account.allowance_lots] || account.allowance_due - account.debt_repaid || account.lot_free[account.allowance_lots + 1:];
    account.allowance_lots := account.allowance_lots + 1;
    v_position := grant_allowance(in_shard, v_position + 1, v_now, v_producer.instance, command.account_id, command.mode,
      account.allowance_due);
    account.allowance_due := 0;
  end if;
end
