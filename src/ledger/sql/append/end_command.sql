-- The command's result. An accepted command takes the next position.
begin
  verdicts[command.nth] :=
    case when v_verdict = 'ok' and command.kind = 'hold' and in_claim[command.nth] is not null then v_claim_verdict else v_verdict end;
  if v_verdict = 'ok' then
    v_position := v_position + 1;
  end if;
  positions[command.nth] := v_position;
end
