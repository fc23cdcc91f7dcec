-- A resolved hold counts in its budgets as what was charged.
begin
  if command.hold_budgets is not null then
    in_payload[command.nth] := with_budgets(in_payload[command.nth], command.hold_budgets);
    v_budgets_moved := move_budgets(v_budgets_moved, command.hold_budgets,
      case when command.kind = 'settle' then in_credits[command.nth] else 0 end - command.hold_credits);
  end if;
end
