-- Where more than its credits decides what the account's plan gives a month, functions say what is due. Where allowances of earlier
-- months are good still, what is left of them beyond what rolls over lapses now. Overage, which is the last of the lots, is not there for an account that
-- owes more than the allowance that is due repays: no purchase of this batch can change that. Most accounts pass this by. The account comes with its
-- first command.
declare
  v_allowance_due bigint;
  -- Of an account with terms: the lot of overage that can be drawn on, and what is due of overage.
  v_overage_lot bigint;
  v_overage_due bigint;
  -- Where the last lapse stands.
  v_last_lapse bigint;
  v_free_before bigint;
begin
  if command.has_terms then
    v_allowance_due := greatest(coalesce(allowance_due(in_shard, v_now, account.account_id, account.mode), 0), 0);
    account.available := account.available - account.allowance_due + v_allowance_due;
    account.allowance_due := v_allowance_due;
    account.debt_repaid := least(account.debt, v_allowance_due);
    v_overage_lot := null;
    v_overage_due := 0;
    if command.terms_until > v_now then
      v_last_lapse := lapse_rollover(in_shard, v_position, v_now, v_producer.instance, account.account_id, account.mode);
      if v_last_lapse > v_position then
        v_position := v_last_lapse;
        v_free_before := (select sum(l.free) from unnest(account.lot_free) l (free));
        account.lot_free := (select array_agg(l.free order by l.draw_order) from live_lots(in_shard, account.account_id, account.mode, v_now) l);
        account.available := account.available - v_free_before + (select sum(l.free) from unnest(account.lot_free) l (free));
      end if;
      v_overage_lot := (
        select l.lot from lots l
        where l.lot = account.lots[cardinality(account.lots)] and l.shard = in_shard and l.kind = 'overage');
    end if;
    if account.debt <= v_allowance_due then
      v_overage_due := coalesce(overage_due(in_shard, v_now, account.account_id, account.mode), 0);
      account.available := account.available + v_overage_due;
    elsif v_overage_lot is not null then
      account.available := account.available - account.lot_free[cardinality(account.lots)];
      account.lots := trim_array(account.lots, 1);
      account.lot_free := trim_array(account.lot_free, 1);
      v_overage_lot := null;
    end if;
  end if;
end
