-- What is free beside a debt repays it: the batch has freed it, or its lot has started since. Nothing was bought with it,
-- because what is available is less the debt. An allowance that is due repays it too, for while the debt is larger no purchase is
-- accepted that would bring it.
declare
  v_before_repayments bigint;
  v_due bigint;
begin
  if v_owing_accounts is not null then
    v_before_repayments := v_position;
    for n in 1..cardinality(v_owing_accounts) loop
      v_due := allowance_due(in_shard, v_now, v_owing_accounts[n], v_owing_modes[n]);
      if v_due > 0 then
        v_position := grant_allowance(in_shard, v_position + 1, v_now, v_producer.instance, v_owing_accounts[n], v_owing_modes[n],
          v_due);
      end if;
      v_position := repay_from_live_lots(in_shard, v_position, v_now, v_producer.instance, v_owing_accounts[n], v_owing_modes[n]);
    end loop;
    if v_position > v_before_repayments then
      v_hash := (select e.event_hash from events e where e.position = v_position and e.shard = in_shard);
    end if;
  end if;
end
