-- The accepted purchase counts against its key's cap.
begin
  if command.monthly_cap is not null then
    v_cap_used := coalesce(v_cap_used, '{}') || jsonb_build_object(command.cap_key, v_key_used + in_credits[command.nth]);
  end if;
end
