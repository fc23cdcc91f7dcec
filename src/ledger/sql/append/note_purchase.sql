-- What an accepted purchase is, for its event and for the commands after it.
begin
  if command.kind in ('hold', 'lease') then
    account.in_flight := account.in_flight + v_slots;
    v_event_held[command.nth] := v_held::text;
    if in_claim[command.nth] is not null then
      v_claimed := coalesce(v_claimed, '{}') || jsonb_build_object(command.key_id || ' ' || in_claim[command.nth], in_request_hash[command.nth]);
    end if;
  elsif command.kind = 'charge_on_lease' then
    -- Held and settled at once.
    v_event_moved[command.nth] := v_held::text;
  else
    -- A lot that an extension draws on again stands in the hold once.
    for n in 1..cardinality(v_moved_lots) loop
      v_index := array_position(command.hold_lots, v_moved_lots[n]);
      if v_index is null then
        command.hold_lots := command.hold_lots || v_moved_lots[n];
        command.hold_held := command.hold_held || v_held[n];
      else
        command.hold_held[v_index] := command.hold_held[v_index] + v_held[n];
      end if;
    end loop;
    v_updated_index := coalesce(v_updated_index, coalesce(cardinality(v_updated_holds), 0) + 1);
    v_updated_holds[v_updated_index] := command.hold_id;
    v_updated_credits[v_updated_index] := command.hold_credits + in_credits[command.nth];
    v_updated_until[v_updated_index] := greatest(command.hold_expires_at,
      v_now + make_interval(secs => (in_payload[command.nth]::json ->> 'holdSeconds')::integer));
    v_updated_lots[v_updated_index] := command.hold_lots::text;
    v_updated_held[v_updated_index] := command.hold_held::text;
    v_updated_sent_credits[v_updated_index] := greatest(command.hold_sent_credits, v_sent_credits);
    v_updated_sent_quantity[v_updated_index] := greatest(command.hold_sent_quantity, v_sent_quantity);
    v_event_times[command.nth] := command.held_at;
    v_event_held[command.nth] := v_held::text;
  end if;
  v_event_lots[command.nth] := v_moved_lots::text;
end
