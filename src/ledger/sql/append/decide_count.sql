-- Calls that were served are counted whatever became of the key. It must be the account's own.
begin
  if command.key_version_now is null then
    v_verdict := 'stale_key';
  end if;
  v_event_times[command.nth] := v_now;
end
