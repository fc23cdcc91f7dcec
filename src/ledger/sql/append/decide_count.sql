-- Calls that were served, or refused, are counted whatever became of the key. It must be the account's own.
begin
  if command.key_version_now is null then
    v_verdict := 'stale_key';
  elsif not {{is_in_range}} or in_payload[command.nth] !~ (case command.kind
    when 'count' then '^{"errors":\d{1,12},"latencyMsSum":\d{1,12}}$' else '^{"reason":"[a-z_]{1,40}"}$' end)
  then
    v_verdict := 'amount_out_of_range';
  end if;
  in_credits[command.nth] := null;
  available[command.nth] := 0;
end
