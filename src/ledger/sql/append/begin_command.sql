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
begin
  -- An id that opens a request has a time that lies within five minutes of the ledger's, or of the time since its lease was taken. Ids
  -- are compared as texts, which sort by their times (first_id). A cast costs a fifth of a regular expression. An id with
  -- other digits is an error, of this command alone.
  v_verdict := case
    when command.kind not in ({{openings}}) then 'ok'
    when (in_request_id[command.nth] like '________-____-7___-____-____________'
      and in_request_id[command.nth]::uuid::text = in_request_id[command.nth]
      and in_request_id[command.nth] collate "C" < v_ids_end
      and (in_request_id[command.nth] collate "C" >= v_ids_begin
        or in_request_id[command.nth] collate "C" >= first_id(command.held_at - interval '5 minutes'))) is true then 'ok'
    else 'request_out_of_time'
  end;
  v_slots := coalesce(command.hold_slots, case command.kind when 'lease' then in_slots[command.nth] end, 1);
  v_updated_index := array_position(v_updated_holds, command.hold_id);
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
    and (in_endpoint[command.nth] <> command.hold_endpoint or in_tariff[command.nth] is distinct from command.hold_tariff)
  then
    in_endpoint[command.nth] := command.hold_endpoint;
    in_tariff[command.nth] := command.hold_tariff;
  end if;
end
