-- Where more than its credits decides what the account's plan gives a month, a function says what is due. Where allowances of earlier
-- months are good still, what is left of them beyond what rolls over lapses now. Most accounts pass this by. The account comes with its
-- first command.
declare
  v_allowance_due bigint;
  -- Where the last lapse stands.
  v_last_lapse bigint;
  v_free_before bigint;
begin
  if command.has_terms then
    v_allowance_due := greatest(coalesce(allowance_due(in_shard, v_now, account.account_id, account.mode), 0), 0);
    account.available := account.available - account.allowance_due + v_allowance_due;
    account.allowance_due := v_allowance_due;
    account.debt_repaid := least(account.debt, v_allowance_due);
    if command.rolls_until > v_now then
      v_last_lapse := lapse_rollover(in_shard, v_position, v_now, v_producer.instance, account.account_id, account.mode);
      if v_last_lapse > v_position then
        v_position := v_last_lapse;
        v_free_before := (select sum(l.free) from unnest(account.lot_free) l (free));
        account.lot_free := (select array_agg(l.free order by l.draw_order) from live_lots(in_shard, account.account_id, account.mode, v_now) l);
        account.available := account.available - v_free_before + (select sum(l.free) from unnest(account.lot_free) l (free));
      end if;
    end if;
  end if;
end
