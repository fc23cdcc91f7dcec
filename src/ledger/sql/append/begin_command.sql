-- The command at hand: accepted until something refuses it. Its hold is what earlier commands of the batch made of it.
declare
  v_verdict text;
  -- The lots that its event moves, and how; see events/credits.ts.
  v_moved_lots bigint[];
  v_held bigint[];
  v_moved bigint[];
  -- As how many calls in flight its hold counts.
  v_slots integer;
  -- Where its hold stands among the updated ones.
  v_updated_index integer;
  -- Amounts are bounded, so that a bigint holds whatever is added up of them here, and every gateway can read it.
  v_is_in_range boolean;
begin
  v_verdict := 'ok';
  v_is_in_range := coalesce(command.credits between 0 and {{max_amount}}, command.kind not in ({{with_credits}}))
    and coalesce(command.quantity between 0 and {{max_amount}}, command.kind not in ({{with_quantity}}));
  v_slots := coalesce(command.hold_slots, case command.kind when 'lease' then command.slots end, 1);
  v_updated_index := case when v_updated_holds <> '{}' then array_position(v_updated_holds, command.hold_id) end;
  if v_updated_index is not null then
    command.hold_credits := v_updated_credits[v_updated_index];
    command.hold_expires_at := v_updated_until[v_updated_index];
    command.hold_lots := v_updated_lots[v_updated_index]::bigint[];
    command.hold_held := v_updated_held[v_updated_index]::bigint[];
    command.hold_sent_credits := v_updated_sent_credits[v_updated_index];
    command.hold_sent_quantity := v_updated_sent_quantity[v_updated_index];
  end if;
  -- What extends or ends a call's hold is of its endpoint and tariff, whatever the command says.
  if command.hold_endpoint is not null
    and (in_endpoint[command.nth] <> command.hold_endpoint or command.tariff is distinct from command.hold_tariff)
  then
    in_endpoint[command.nth] := command.hold_endpoint;
    in_tariff[command.nth] := command.hold_tariff;
  end if;
end
