-- What the purchase can draw. What is owed is not drawn on.
declare
  v_drawable bigint;
begin
  v_drawable := greatest(account.available, 0);
  if command.lots_before is not null and v_verdict = 'ok' then
    -- Nothing is granted for it, so the allowance that is due pays no debt, and neither does overage.
    select greatest(least(coalesce(sum(l.free) filter (where l.lot < command.lots_before), 0),
        account.available - account.allowance_due - case when account.has_terms
          then v_overage_due + coalesce(sum(l.free) filter (where l.lot = v_overage_lot), 0) else 0 end), 0) into v_drawable
      from unnest(account.lots, account.lot_free) l (lot, free);
  end if;
  available[command.nth] := v_drawable;
end
