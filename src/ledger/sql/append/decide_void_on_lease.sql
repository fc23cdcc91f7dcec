-- A call that ran on a lease ends uncharged. Its event moves nothing, and the lease stays open.
begin
  v_verdict := case
    when v_verdict <> 'ok' then v_verdict
    when not {{is_in_range}} then 'amount_out_of_range'
    when command.hold_slots is not null and command.hold_credits is not null then 'ok' else 'hold_not_open' end;
  available[command.nth] := greatest(account.available, 0);
  v_event_credits[command.nth] := 0;
end
