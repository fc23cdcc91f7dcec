-- Whether the key's monthly cap suffices.
declare
  -- What counts against the key's cap before this purchase.
  v_key_used bigint;
begin
  if command.monthly_cap is not null then
    v_key_used := coalesce((v_cap_used ->> command.cap_key)::bigint, command.cap_used);
    if in_credits[command.nth] > greatest(command.monthly_cap - v_key_used, 0) then
      v_verdict := 'key_cap_reached';
      available[command.nth] := greatest(command.monthly_cap - v_key_used, 0);
    end if;
  end if;
end
