-- What a charge adds to the month's volume, for the commands after it. Of a command that is no charge, nothing was priced: what is there
-- then is the command's before it.
begin
  if v_has_tiers then
    if v_verdict = 'ok' and v_tiered is not null and command.kind in ('charge_on_lease', 'settle') then
      v_volumes := coalesce(v_volumes, '{}') || jsonb_build_object(v_volume_key, v_volume + v_tiered);
    end if;
  end if;
end
