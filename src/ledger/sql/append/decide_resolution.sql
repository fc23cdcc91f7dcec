-- Whether a settle, a release or an expire may resolve its hold: once, and an expire not before the hold's time is over.
-- A lease is not settled: its calls are charged one by one. An expire settles what the hold's extensions said was sent: the
-- client has it.
begin
  v_verdict := case
    when v_verdict <> 'ok' then v_verdict
    when not {{is_in_range}} then 'amount_out_of_range'
    when command.hold_credits is null or command.kind = 'settle' and command.hold_slots is not null then 'hold_not_open'
    when command.kind = 'settle' and in_credits[command.nth] > command.hold_credits then 'exceeds_hold'
    when command.kind = 'expire' and command.hold_expires_at > v_now then 'hold_not_due'
    else 'ok'
  end;
  if v_verdict = 'ok' and command.kind = 'expire' and command.hold_sent_credits > 0 then
    command.kind := 'settle';
    in_credits[command.nth] := command.hold_sent_credits;
    in_kind[command.nth] := 'settle';
    in_quantity[command.nth] := command.hold_sent_quantity;
    in_payload[command.nth] := '{"delivered":true,"terminatedBy":"gateway"}';
  end if;
end
