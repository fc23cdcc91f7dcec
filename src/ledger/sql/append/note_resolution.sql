-- What a resolved hold is, for its event and for the commands after it. The event counts at the hold's time.
begin
  account.in_flight := account.in_flight - v_slots;
  -- The end of a lease has its slots and no endpoint, whatever the command says.
  if command.hold_slots is not null or in_endpoint[command.nth] is null then
    in_endpoint[command.nth] := command.hold_endpoint;
    in_quantity[command.nth] := command.hold_quantity;
    in_slots[command.nth] := command.hold_slots;
  end if;
  v_updated_index := coalesce(v_updated_index, coalesce(cardinality(v_updated_holds), 0) + 1);
  v_updated_holds[v_updated_index] := command.hold_id;
  v_updated_credits[v_updated_index] := null;
  v_event_times[command.nth] := command.held_at;
  v_event_credits[command.nth] := case when command.kind = 'settle' then in_credits[command.nth] else command.hold_credits end;
  v_event_lots[command.nth] := v_moved_lots::text;
  v_event_held[command.nth] := v_held::text;
  v_event_moved[command.nth] := case when command.kind = 'settle' then v_moved::text end;
end
