-- Whether the budgets suffice that the purchase counts in. An extension counts where its hold does; the end of a call that ran on a lease
-- is a purchase of its own, in the span of now.
declare
  -- The budgets that the purchase counts in, as its event names them; null: none.
  v_spans text;
  v_budgets_left bigint;
  -- Of those that leave too little, the one that the refusal names; null: all leave enough.
  v_exceeded text;
begin
  v_spans := null;
  if v_verdict = 'ok' and (command.kind <> 'extend' or command.hold_budgets is not null) then
    select b.spans, b.remaining, b.refusal into v_spans, v_budgets_left, v_exceeded
      from budgets_left(in_shard, command.account_id, command.mode, command.key_id, v_now,
        account.budgets, command.key_budgets, command.key_group,
        case when command.kind = 'extend' then command.hold_budgets end, v_budgets_moved, in_credits[command.nth]) b;
    if v_exceeded is not null then
      v_verdict := 'budget_exceeded:' || v_exceeded;
      available[command.nth] := v_budgets_left;
    end if;
  end if;
end
