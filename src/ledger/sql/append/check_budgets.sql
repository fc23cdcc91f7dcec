-- Whether the budgets suffice that the purchase counts in.
declare
  -- The budgets that the purchase counts in, as its event names them; null: none.
  v_spans text;
  v_budgets_left bigint;
  -- What the commands so far have changed of budgets.
  v_budgets_moved jsonb;
begin
  v_spans := null;
  if v_verdict = 'ok' and (command.kind <> 'extend' or command.hold_budgets is not null) then
    select b.spans, b.remaining into v_spans, v_budgets_left
      from budgets_left(in_shard, command.account_id, command.mode, command.key_id, v_now,
        account.budgets, command.key_budgets, command.key_group, command.hold_budgets, v_budgets_moved) b;
    if in_credits[command.nth] > v_budgets_left then
      v_verdict := 'budget_exceeded';
      available[command.nth] := v_budgets_left;
    end if;
  end if;
end
