-- Whether the key's monthly cap and the account's credits suffice. What is owed is not drawn on.
declare
  -- What this purchase can draw.
  v_drawable bigint;
  -- Of an extension of a hold from an earlier month: the hold's position. Months cut on the hold's time, so credits that
  -- were granted later, for a later month, cannot pay for the call.
  v_lots_before bigint;
  -- What counts against the key's cap before this purchase.
  v_key_used bigint;
begin
  v_lots_before := case when v_verdict = 'ok' and command.month < v_month then command.hold_position end;
  v_drawable := greatest(v_available, 0);
  if v_lots_before is not null then
    -- Nothing is granted for it, so the allowance that is due pays no debt.
    select greatest(least(coalesce(sum(l.free), 0), v_available - v_allowance_due), 0) into v_drawable
      from unnest(v_lots, v_lot_free) l (lot, free) where l.lot < v_lots_before;
  end if;
  available[command.nth] := v_drawable;
  if v_verdict = 'ok' and command.monthly_cap is not null then
    v_key_used := coalesce((v_cap_used ->> command.cap_key)::bigint, command.cap_used);
    if command.credits > greatest(command.monthly_cap - v_key_used, 0) then
      v_verdict := 'key_cap_reached';
      available[command.nth] := greatest(command.monthly_cap - v_key_used, 0);
    end if;
  end if;
  if v_verdict = 'ok' and command.credits > v_drawable then
    v_verdict := 'insufficient_credits';
  end if;
end
