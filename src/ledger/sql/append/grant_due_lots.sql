-- The month's first purchase brings the allowance that is due, and overage, as lots of their own before the purchase's event.
declare
  v_allowance_lot bigint;
  -- How many lots are drawn before it.
  v_drawn_before integer;
begin
  if (account.allowance_due > 0 or account.has_terms) and command.lots_before is null then
    if account.allowance_due > 0 then
      v_allowance_lot := v_position + 1;
      v_position := grant_allowance(in_shard, v_allowance_lot, v_now, v_producer.instance, command.account_id, command.mode,
        account.allowance_due);
      -- Allowances are drawn first, those that expire first before the others, and the older before the newer.
      v_drawn_before := (
        select count(*) from lots l join lots granted on granted.lot = v_allowance_lot and granted.shard = in_shard
        where l.lot = any(account.lots) and l.shard = in_shard and l.kind = 'allowance' and l.expires_at <= granted.expires_at);
      account.lots := account.lots[:v_drawn_before] || v_allowance_lot || account.lots[v_drawn_before + 1:];
      account.lot_free := account.lot_free[:v_drawn_before] || account.allowance_due - account.debt_repaid || account.lot_free[v_drawn_before + 1:];
      account.allowance_due := 0;
    end if;
    if account.has_terms and v_overage_due > 0 then
      v_position := v_position + 1;
      perform grant_overage(in_shard, v_position, v_now, v_producer.instance, command.account_id, command.mode);
      account.lots := account.lots || v_position;
      account.lot_free := account.lot_free || v_overage_due;
      v_overage_lot := v_position;
      v_overage_due := 0;
    end if;
  end if;
end
