-- Whether the account's credits suffice.
begin
  if v_verdict = 'ok' and in_credits[command.nth] > v_drawable then
    v_verdict := 'insufficient_credits';
  end if;
end
