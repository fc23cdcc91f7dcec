-- Whether the key's monthly cap and the account's credits suffice. What is owed is not drawn on.
declare
  -- What this purchase can draw.
  v_drawable bigint;
  -- What counts against the key's cap before this purchase.
  v_key_used bigint;
begin
  v_drawable := greatest(account.available, 0);
  if command.lots_before is not null and v_verdict = 'ok' then
    -- Nothing is granted for it, so the allowance that is due pays no debt.
    select greatest(least(coalesce(sum(l.free), 0), account.available - account.allowance_due), 0) into v_drawable
      from unnest(account.lots, account.lot_free) l (lot, free) where l.lot < command.lots_before;
  end if;
  available[command.nth] := v_drawable;
  if v_verdict = 'ok' and command.monthly_cap is not null then
    v_key_used := coalesce((v_cap_used ->> command.cap_key)::bigint, command.cap_used);
    if in_credits[command.nth] > greatest(command.monthly_cap - v_key_used, 0) then
      v_verdict := 'key_cap_reached';
      available[command.nth] := greatest(command.monthly_cap - v_key_used, 0);
    end if;
  end if;
  if v_verdict = 'ok' and in_credits[command.nth] > v_drawable then
    v_verdict := 'insufficient_credits';
  end if;
end
