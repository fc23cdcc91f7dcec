-- Whether the budgets suffice that the purchase counts in. An extension counts where its hold does; the end of a call that ran on a lease
-- is a purchase of its own, in the span of now.
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
        account.budgets, command.key_budgets, command.key_group,
        case when command.kind = 'extend' then command.hold_budgets end, v_budgets_moved) b;
    if in_credits[command.nth] > v_budgets_left then
      v_verdict := 'budget_exceeded';
      available[command.nth] := v_budgets_left;
    end if;
  end if;
end
