-- The accepted purchase counts in its budgets, and its event names them.
begin
  if v_spans is not null then
    in_payload[command.nth] := with_budgets(in_payload[command.nth], v_spans);
    v_budgets_moved := move_budgets(v_budgets_moved, v_spans, in_credits[command.nth]);
  end if;
end
