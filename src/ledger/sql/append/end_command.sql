-- The command's result. An accepted command takes the next position.
begin
  verdicts[command.nth] := case when v_verdict = 'ok' and command.kind = 'hold' then v_claim_verdict else v_verdict end;
  if v_verdict = 'ok' then
    v_position := v_position + 1;
    v_event_positions[command.nth] := v_position;
    v_event_lots[command.nth] := v_moved_lots::text;
    v_event_held[command.nth] := v_held::text;
    v_event_moved[command.nth] := v_moved::text;
  end if;
  positions[command.nth] := v_position;
end
