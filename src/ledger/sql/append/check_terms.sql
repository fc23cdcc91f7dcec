-- Whether the purchase is at the tariff in force and within the concurrency limit. An extension is at the price of its
-- hold, and the call in flight already. A charge on a lease takes no more than the call's slot, which it has already.
begin
  v_verdict := case
    when v_verdict <> 'ok' then v_verdict
    when not v_is_in_range then 'amount_out_of_range'
    -- A charge on a lease needs an open lease. An extension needs an open hold that is no lease.
    when command.kind not in ('hold', 'lease')
      and (command.hold_credits is null or (command.hold_slots is not null) <> (command.kind = 'charge_on_lease'))
      then 'hold_not_open'
    when command.kind = 'extend' then
      case when greatest(command.hold_credits + command.credits, command.hold_quantity + command.quantity) > {{max_amount}}
        then 'amount_out_of_range' else 'ok' end
    when v_tariff is null or command.tariff <> v_tariff then 'stale_tariff'
    when command.kind = 'charge_on_lease' then
      case when command.credits > command.hold_credits then 'exceeds_hold' else 'ok' end
    -- A plan that the tariff does not know allows nothing.
    when v_in_flight + v_slots > v_max_in_flight then 'concurrency_exceeded'
    else 'ok'
  end;
end
