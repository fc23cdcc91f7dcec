-- A resolved hold counts against its key's cap as what was charged.
begin
  if command.monthly_cap is not null then
    v_key_used := coalesce((v_cap_used ->> command.cap_key)::bigint, command.cap_used);
    v_cap_used := coalesce(v_cap_used, '{}') || jsonb_build_object(command.cap_key,
      v_key_used - command.hold_credits + case when command.kind = 'settle' then in_credits[command.nth] else 0 end);
  end if;
end
