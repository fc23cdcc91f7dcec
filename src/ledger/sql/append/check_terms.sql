-- Whether the purchase is at the tariff in force and within the concurrency limit. An extension is at the price of its
-- hold, and the call in flight already; what it says was sent so far was held before. A charge on a lease takes no more
-- than the call's slot, which it has already.
declare
  -- What an extension says was sent so far.
  v_sent_credits bigint;
  v_sent_quantity bigint;
begin
  if command.kind = 'extend' then
    v_sent_credits := (in_payload[command.nth]::json ->> 'sentCredits')::bigint;
    v_sent_quantity := (in_payload[command.nth]::json ->> 'sentQuantity')::bigint;
  end if;
  v_verdict := case
    when v_verdict <> 'ok' then v_verdict
    when not {{is_in_range}} then 'amount_out_of_range'
    -- A charge on a lease needs an open lease. An extension needs an open hold that is no lease.
    when command.kind not in ('hold', 'lease')
      and (command.hold_credits is null or (command.hold_slots is not null) <> (command.kind = 'charge_on_lease'))
      then 'hold_not_open'
    when command.kind = 'extend' then
      case
        when greatest(command.hold_credits + in_credits[command.nth], command.hold_quantity + in_quantity[command.nth], v_sent_quantity)
            > {{max_amount}} or least(v_sent_credits, v_sent_quantity) < 0
          or (v_sent_credits is null) <> (v_sent_quantity is null) then 'amount_out_of_range'
        when v_sent_credits > command.hold_credits then 'exceeds_hold'
        else 'ok'
      end
    when v_tariff is null or in_tariff[command.nth] is distinct from v_tariff then 'stale_tariff'
    when command.kind = 'charge_on_lease' then
      case when in_credits[command.nth] > command.hold_credits then 'exceeds_hold' else 'ok' end
    -- A plan that the tariff does not know allows nothing.
    when account.in_flight + v_slots > account.max_in_flight then 'concurrency_exceeded'
    else 'ok'
  end;
end
